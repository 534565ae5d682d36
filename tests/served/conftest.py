"""The stack as `aitimestepper serve` starts it, in a folder and on ports of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
    temporary_settings,
)

from aitimestepper.errors import UserError
from aitimestepper.folders import RunFolder
from aitimestepper.store.lock import holder
from aitimestepper.store.trajectory import TrajectoryStore

PATIENCE = 240.0
SMALL = {
    "orbits": 2,
    "energy_threshold": 5e-2,
    "initial_conditions": {"eccentricity": [0.0, 0.1]},
    "network": {"hidden": [8]},
    "evaluation": {"held_out": 0, "periods": 0.05, "report_orbits": 0},
    "generalize": {"min_iterations": 200},
}


# as in a terminal; what runs the tests may ignore it, which a child would inherit
_CTRL_C = "signal.signal(signal.SIGINT, signal.default_int_handler)"


def until(done, patience=PATIENCE):
    """What `done` returns as soon as it is true of something."""
    deadline = time.monotonic() + patience
    while not (found := done()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Stack:
    """A stack that is served, and what a test asks of it."""

    home: Path
    ports: tuple[int, int]
    process: subprocess.Popen | None = None

    def start(self):
        ports = (f"--prefect-port={self.ports[0]}", f"--mlflow-port={self.ports[1]}")
        code = f"import signal, sys, flows.cli; {_CTRL_C}; sys.exit(flows.cli.main())"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "serve", *ports],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        until(self._said)

    def _said(self):
        line = self.process.stdout.readline()
        assert line, "\n".join(f.read_text()[-2000:] for f in self.home.glob("served/*.log"))
        return line.startswith("Ctrl-C")

    @property
    def environment(self):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "MLFLOW"))}
        return kept | {"AITIMESTEPPER_ARTIFACTS": str(self.home)}

    def stop(self):
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        return self.process.returncode

    @property
    def processes(self):
        """Everything that runs with its folder, itself included."""
        return [p for p in psutil.process_iter() if self._ours(p)]

    def _ours(self, process):
        try:
            return process.environ().get("AITIMESTEPPER_ARTIFACTS") == str(self.home)
        except psutil.Error:
            return False

    @contextmanager
    def client(self):
        ours = {
            PREFECT_API_URL: f"http://127.0.0.1:{self.ports[0]}/api",
            PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
        }
        with temporary_settings(ours), get_client(sync_client=True) as client:
            yield client

    def begin(self, name, **settings):
        """Deploy a small training; the id of its flow run."""
        with self.client() as client:
            deployed = client.read_deployment_by_name("two-phase-training/local")
            given = SMALL | {"name": name} | settings
            return client.create_flow_run_from_deployment(deployed.id, parameters=given).id

    def flow_run(self, flow_run_id):
        with self.client() as client:
            return client.read_flow_run(flow_run_id)

    def children(self, client, flow_run_id):
        """The flow runs that a flow run called."""
        told = {"parent_flow_run_id": {"any_": [str(flow_run_id)]}}
        return client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(told))

    def ended(self, flow_run_id, state):
        """Wait for a state by name, and return the run."""

        def there():
            run = self.flow_run(flow_run_id)
            return run if run.state_name == state else None

        return until(there)


@pytest.fixture(scope="session")
def session_stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("stack"), (free_port(), free_port()))
    stack.start()
    yield stack
    if stack.process.poll() is None:
        stack.stop()


@pytest.fixture
def stack(session_stack, monkeypatch):
    """The stack; this process sees its runs."""
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(session_stack.home))
    return session_stack


def last_commit(name):
    """The last commit of a run, None before there is one."""
    try:
        return TrajectoryStore.read_only(RunFolder(name).store).commit
    except (UserError, OSError):
        return None


def in_second_half(name, epoch):
    """Wait until phase 1 of an epoch is committed and phase 2 is at work; its process id."""

    def reached():
        commit = last_commit(name)
        inside = commit and (commit.epoch, commit.phase) == (epoch, "collect")
        return inside and list(RunFolder(name).results.glob(f"{epoch:04d}-collect-*"))

    until(reached)
    return holder(RunFolder(name).path).pid
