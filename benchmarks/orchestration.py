"""What orchestration costs: milliseconds per epoch beside the physics, and the time to begin.

    python benchmarks/orchestration.py [EPOCHS]

On an embedded server in a temporary folder: an epoch flow with two empty tasks, a whole epoch of a
tiny training, `aitimestepper --help`, and going on with a run that stands at epoch 1,000, which
trains before it imports MLflow. On a busy machine trust the ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from aitimestepper.folders import RunFolder
from aitimestepper.settings import RunConfig
from aitimestepper.store.rows import Rows
from flows.embedded import embedded_server

STANDS_AT = 1000
_PHASES = 0.05  # with nothing between, SQLite turns writes away, and Prefect waits a second


def main(epochs: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AITIMESTEPPER_ARTIFACTS"] = folder
        os.environ.pop("PREFECT_API_URL", None)
        show("aitimestepper --help", _seconds(_help))
        with embedded_server(Path(folder) / "prefect") as server:
            server.wait()
            from flows.draining import draining
            from flows.terminal import quiet_console

            quiet_console()
            with draining():
                empty = _empty_epochs(epochs)
                whole, phases = _real_epochs(epochs)
            show("empty epoch, median", statistics.median(empty))
            show("  first tenth", statistics.median(empty[: epochs // 10 or 1]))
            show("  last tenth", statistics.median(empty[-(epochs // 10 or 1) :]))
            show("real epoch, median", statistics.median(whole))
            show("  nine of ten within", statistics.quantiles(whole, n=10)[-1])
            show("  of it in the phases", statistics.median(phases))
            rest = statistics.median(w - p for w, p in zip(whole, phases, strict=True))
            show("  neither phase nor empty epoch", rest - statistics.median(empty))
        first, whole = _continued()
        show(f"process start to first commit of epoch {STANDS_AT + 1}", first)
        show("  to the end of that epoch, with MLflow", whole)


def show(name: str, seconds: float) -> None:
    """One line."""
    sys.stdout.write(f"{name:<46} {1e3 * seconds:9.1f} ms\n")
    sys.stdout.flush()


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _help() -> None:
    command = [sys.executable, "-m", "flows.cli", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _empty_epochs(epochs: int) -> list[float]:
    """Seconds of every call of a flow with two tasks, inside of a parent as a training has it."""
    from prefect import flow, task

    from flows.heartbeat import without_heartbeat

    @task
    def nothing(name: str) -> str:
        return name

    @flow(flow_run_name="{name}/{number:04d}")
    def epoch(name: str, number: int) -> str:
        return nothing(name) + nothing(f"{name}{number}")

    @flow
    def parent() -> list[float]:
        taken = []
        with without_heartbeat():
            for number in range(1, epochs + 1):
                taken.append(_seconds(partial(epoch, "empty", number)))
                time.sleep(_PHASES)
        return taken

    return parent()


def _config(name: str, epochs: int) -> RunConfig:
    return RunConfig.model_validate(
        {
            "name": name,
            "epochs": epochs,
            "orbits": 2,
            "energy_threshold": 5e-2,
            "initial_conditions": {"eccentricity": (0.0, 0.1)},
            "network": {"hidden": (8,)},
            "evaluation": {"held_out": 0, "periods": 0.05, "report_orbits": 0},
            "generalize": {"min_iterations": 5, "sweep_every": 5},
        }
    )


def _real_epochs(epochs: int) -> tuple[list[float], list[float]]:
    """Seconds of every epoch of a training, and of the two phases in it."""
    from flows.training import two_phase_training
    from tasks.listeners import listening
    from tasks.reports import PhaseReport

    ends, phases = [], {}

    def hear(event: object) -> None:
        if isinstance(event, PhaseReport):
            phases[event.epoch] = phases.get(event.epoch, 0.0) + event.seconds
            if event.phase == "generalize":
                ends.append(time.perf_counter())

    with listening(hear):
        two_phase_training(**dict(_config("real", epochs)))
    whole = [after - before for before, after in zip(ends, ends[1:], strict=False)]
    return whole, [phases[number] for number in range(2, epochs + 1)]


def _continued() -> tuple[float, float]:
    """Seconds from the start of a process to the first commit that it adds, and to its epoch."""
    _stand_at(STANDS_AT)
    store = RunFolder("long").store / "zarr.json"
    before = store.stat().st_mtime_ns
    command = [sys.executable, "-m", "flows.cli", "train", "--name", "long"]
    command += ["--epochs", str(STANDS_AT + 1)]
    began = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while store.stat().st_mtime_ns == before:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        first = time.perf_counter() - began
        while not (line := process.stderr.readline()).startswith(f"epoch {STANDS_AT + 1}"):
            assert line, "the training ended before it had done an epoch"
        seconds = time.perf_counter() - began
        process.terminate()
        process.stderr.read()
    return first, seconds


def _stand_at(epoch: int) -> None:
    """A run as it is after so many epochs: the first one real, the others its rows again."""
    from tasks.session import opened

    config = _config("long", epoch)
    with opened(config) as session:
        session.collect(1)
        session.generalize(1)
    with opened(config) as session:
        first, more = session.store.rows_read, epoch - 1
        rows = Rows(*(np.repeat(column, more, axis=0) for column in first))
        numbers = np.repeat(np.arange(2, epoch + 1), first.steps).astype(first.epoch.dtype)
        told = session.reports["generalize"].model_copy(update={"epoch": epoch})
        session._commit(told, rows._replace(epoch=numbers))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("epochs", nargs="?", type=int, default=200)
    main(parser.parse_args().epochs)
