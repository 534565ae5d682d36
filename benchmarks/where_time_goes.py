"""Where an epoch of the demo spends its time: in torch, or in Python around it.

    python benchmarks/where_time_goes.py [--seconds 20]

Both phases run in a process of their own while py-spy looks at its stack a hundred times a second.
A profiler inside the process, like that of torch, costs about a microsecond for every one of some
250 small operations an update, and would count its own cost as time outside torch. On one thread,
so that no thread that waits for others is taken for work.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from aitimestepper.build import build
from aitimestepper.settings import RunConfig
from aitimestepper.training.collect import Transition, collect
from aitimestepper.training.generalize import generalize
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.trainer import Training

_STEPS = 32
_LIBRARIES = ("libtorch_cpu", "libc10", "libgomp", "libtorch_python")


class Shares(NamedTuple):
    """Shares of the time of both phases; they add up to 1."""

    libraries: float
    """In the compiled libraries of torch, its bindings to Python among them."""
    wrappers: float
    """In the Python of torch: modules, optimiser, autograd's front."""
    outside: float
    """Everything else."""


def main() -> None:
    """Measure and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to look")
    parser.add_argument("--work", action="store_true", help="be the process that is looked at")
    given = parser.parse_args()
    if given.work:
        _work(given.seconds)
        return
    for name, share in shares(given.seconds)._asdict().items():
        print(f"{name:12s}{100 * share:6.1f} %")


def shares(seconds: float) -> Shares:
    """Look at epochs of the demo for some seconds.

    Raises:
        SystemExit: py-spy is not installed.
    """
    spy = shutil.which("py-spy", path=sysconfig.get_path("scripts")) or shutil.which("py-spy")
    if spy is None:
        raise SystemExit("py-spy was not found; `pip install py-spy` in this environment.")
    work = [sys.executable, __file__, "--work", "--seconds", f"{seconds}"]
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        options = ["--native", "--rate", "100", "--format", "raw", "--output", str(stacks)]
        words, alone = [spy, "record", *options, "--", *work], {"OMP_NUM_THREADS": "1"}
        subprocess.run(words, check=True, capture_output=True, env=os.environ | alone)
        return _shares(stacks.read_text())


def _shares(stacks: str) -> Shares:
    """Stacks with their counts, a line each, the outermost frame first."""
    seen: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, count = line.rsplit(" ", 1)
        frames = stack.split(";")
        if any(frame.startswith("_epoch (") for frame in frames):
            seen[_place(frames)] += int(count)
    return Shares(*(seen[name] / seen.total() for name in Shares._fields))


def _place(frames: list[str]) -> str:
    if any(library in frame for frame in frames for library in _LIBRARIES):
        return "libraries"
    python = [frame for frame in frames if ".py:" in frame]
    return "wrappers" if "(torch/" in python[-1] else "outside"


def _work(seconds: float) -> None:
    training = build(RunConfig(orbits=32))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _epoch(training)


def recorded(training: Training, steps: int) -> Recorded:
    """What a phase 1 accepts."""
    made = Recorded()
    for event in collect(training, steps=steps):
        if isinstance(event, Transition):
            made.append(event.samples)
    return made


def _epoch(training: Training) -> None:
    made = recorded(training, _STEPS)
    for _ in generalize(training, made, **RunConfig().generalize.model_dump()):
        pass


if __name__ == "__main__":
    main()
