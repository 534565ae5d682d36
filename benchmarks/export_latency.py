"""Latency of one learned step of one system: torch, NumPy and ONNX side by side.

    python benchmarks/export_latency.py [MODEL]

MODEL is what `--model` takes; an untrained network of the default shape when left out. Numbers
are the best of some repetitions; on a busy machine trust the ratios.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch

from aitimestepper.build import gate_of, model_of, sampler_of
from aitimestepper.export import export, to_numpy
from aitimestepper.export.bodies import bodies_of
from aitimestepper.physics.state import System
from aitimestepper.settings import RunConfig
from aitimestepper.sources import ModelStep, Step, load


def main(argv: list[str]) -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    step, system = load(argv[0]) if argv else _untrained(), _pair()
    taken = {name: _seconds(call) for name, call in _calls(step, system).items()}
    for name, seconds in taken.items():
        ratio = seconds / taken["NumPy step"]
        sys.stdout.write(f"{name:<22} {1e6 * seconds:8.1f} microseconds   {ratio:6.1f} x NumPy\n")


def _untrained() -> Step:
    config = RunConfig()
    return Step("untrained", ModelStep(model_of(config, 2)), gate_of(config), 2, 2)


def _pair() -> System:
    sampler, generator = sampler_of(RunConfig()), torch.Generator().manual_seed(0)
    return sampler.draw(sampler.masses(1, generator), generator).system


def _calls(step: Step, system: System) -> dict[str, Callable[[], object]]:
    mass, x, v = (t[0].numpy() for t in (system.mass, system.position, system.velocity))
    alone = to_numpy(step)
    calls: dict[str, Callable[[], object]] = {
        "torch step": lambda: step(system),
        "NumPy step": lambda: alone(mass, x, v),
    }
    if find_spec("onnxruntime") and find_spec("onnxscript"):
        calls["ONNX runtime"] = _onnx(step, system)
    return calls


def _onnx(step: Step, system: System) -> Callable[[], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = export(step, Path(folder) / "step.onnx")
        session = onnxruntime.InferenceSession(path, options)
    given = {"bodies": bodies_of(system)}
    return lambda: session.run(None, given)


def _seconds(call: Callable[[], object], repetitions: int = 9, budget: float = 0.1) -> float:
    """Best mean time of a call over some repetitions of about `budget` seconds each."""
    begin = time.perf_counter()
    for _ in range(20):
        call()
    count = max(20, int(20 * budget / (time.perf_counter() - begin)))
    best = float("inf")
    for _ in range(repetitions):
        begin = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - begin) / count)
    return best


if __name__ == "__main__":
    main(sys.argv[1:])
