"""The real command in a process of its own, and what it leaves behind, bit by bit."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import torch

import aitimestepper
from aitimestepper.store import checkpoints
from aitimestepper.store.lock import holder
from aitimestepper.store.trajectory import TrajectoryStore

ROOT = Path(aitimestepper.__file__).parents[1]

SETTINGS = """
epochs = 100000
orbits = 4
steps_per_epoch = 4
energy_threshold = 5e-2
initial_conditions.eccentricity = [0.0, 0.3]
network.hidden = [8]
evaluation.held_out = 0
evaluation.periods = 0.1
generalize.batch_size = 16
generalize.failing_size = 8
generalize.sweep_every = 20
generalize.min_iterations = 60
"""
"""A training whose phases take some tenths of a second."""


def environment(artifacts, **more):
    """The environment of a user whose runs lie in `artifacts`, and nothing set besides."""
    ours = ("AITIMESTEPPER_", "MLFLOW_", "PREFECT_", "COLUMNS", "DO_NOT_TRACK")
    plain = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    fixed = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return plain | fixed | {"AITIMESTEPPER_ARTIFACTS": str(artifacts), **more}


class Runs:
    """A user's folder, with a settings file and an artifacts folder."""

    def __init__(self, folder, settings=SETTINGS, **variables):
        self.folder, self.artifacts = Path(folder), Path(folder) / "artifacts"
        self.variables = variables
        self.settings = self.folder / "tiny.toml"
        self.settings.write_text(settings)

    def start(self, *words, **variables):
        """`aitimestepper train --config tiny.toml --name x ...`, in a process."""
        command = [sys.executable, "-m", "flows.cli", "train", "--config", str(self.settings)]
        return subprocess.Popen(
            [*command, "--name", "x", *map(str, words)],
            cwd=self.folder,
            env=environment(self.artifacts, **{**self.variables, **variables}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def train(self, *words, timeout=300, **variables):
        """Run the command to its end: exit code, standard output, standard error."""
        process = self.start(*words, **variables)
        with ended(process):
            out, err = process.communicate(timeout=timeout)
        return process.returncode, out, err

    @property
    def run(self):
        """The folder of the run."""
        return self.artifacts / "runs" / "x"

    @property
    def commit(self):
        """Where the run stands."""
        return TrajectoryStore.read_only(self.run / "trajectory.zarr").commit

    @property
    def stamp(self):
        """Something that changes with every commit and is cheap to ask."""
        with suppress(FileNotFoundError):
            seen = (self.run / "trajectory.zarr" / "zarr.json").stat()
            return seen.st_ino, seen.st_mtime_ns
        return None

    def await_lock(self, process):
        """Wait until the process holds the run."""
        until(lambda: (by := holder(self.run)) and by.pid == process.pid, process)

    def await_commits(self, count, process):
        """Wait for so many more commits."""
        for _ in range(count):
            before = self.stamp
            until(lambda before=before: self.stamp != before, process)

    def result(self):
        """Everything that must not depend on how often the training was killed."""
        recorded = TrajectoryStore.load(self.run / "trajectory.zarr")
        commit = recorded.commit
        path = self.run / "checkpoints" / commit.checkpoint
        state = checkpoints.read(path, commit.checkpoint_sha256)
        return {
            "identity": recorded.identity,
            "stands": (commit.epoch, commit.phase, commit.rows),
            "weights": bits(state["model"]),
            "training": bits(state["training"]),
            "metrics": self.metrics(),
        }

    def metrics(self):
        """Every metric that MLflow has, with its epoch; what belongs to the machine is left out."""
        with sqlite3.connect(self.artifacts / "mlflow" / "mlflow.db") as database:
            found = database.execute("SELECT key, step, value FROM metrics").fetchall()
        database.close()
        return sorted(metric for metric in found if not of_machine(metric[0]))


def of_machine(metric):
    """Whether a metric tells how fast or how busy the machine was."""
    return metric.endswith("/seconds") or metric.startswith("system/")


def until(true, process=None, seconds=120.0, pause=0.002):
    """Wait until something is true; a process that ends before makes it an error."""
    deadline = time.monotonic() + seconds
    while not true():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"ended before: {process.communicate()}")
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(pause)


@contextmanager
def ended(process):
    """End a process and the servers that it started, whatever ends the block."""
    try:
        yield process
    finally:
        kill(process)


def kill(process):
    """Kill -9, and wait for the servers that end with the process."""
    servers = []
    with suppress(psutil.NoSuchProcess):
        servers = psutil.Process(process.pid).children(recursive=True)
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
    _, left = psutil.wait_procs(servers, timeout=20)
    for server in left:
        server.kill()


def bits(value):
    """A nest of tensors and numbers as plain values that are equal if every bit is."""
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: bits(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [bits(inner) for inner in value]
    return repr(value)
