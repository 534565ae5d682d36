"""Prefect, MLflow and the deployments as one foreground process tree.

Prefect reads its environment when it is imported, so nothing here imports it.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from aitimestepper.errors import UserError
from aitimestepper.folders import artifacts

from .embedded import answers, prepare
from .served import announced

HEARTBEAT = "30"
"""Seconds between two signs of life of a deployed run, the shortest time that Prefect takes."""
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_LEASH = Path(__file__).with_name("leash.py")
_PYTHON = (sys.executable, "-P")
_PATIENCE = 120.0
_ENDS = 15.0
_SECRETS = (
    "PREFECT_SERVER_API_AUTH_STRING",
    "MLFLOW_AUTH_CONFIG_PATH",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
)


class NotServed(UserError):
    """A part of the stack cannot be served."""


@dataclass(frozen=True)
class Addresses:
    """Where the pages are."""

    host: str
    prefect_port: int
    mlflow_port: int

    @property
    def prefect(self) -> str:
        """Base address of Prefect."""
        return f"http://{self._reached}:{self.prefect_port}"

    @property
    def mlflow(self) -> str:
        """Base address of MLflow."""
        return f"http://{self._reached}:{self.mlflow_port}"

    @property
    def _reached(self) -> str:
        """What a browser on this machine asks for; every interface includes loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}
        return host.get(self.host, self.host)


@dataclass(frozen=True)
class Part:
    """A running part of the stack; it ends with this process, however this process ends."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    def ended(self) -> NotServed:
        """What to say of a part that ended by itself."""
        return NotServed(f"{self.name} ended by itself; {self.log} says why.")

    def let_go(self) -> None:
        """Tell it to end."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait(self) -> None:
        """Wait until it and everything that it started have ended."""
        try:
            self.process.wait(_ENDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def served(addresses: Addresses, runs: int) -> Iterator[list[Part]]:
    """Serve everything for the length of the block.

    Arguments:
        addresses: Where the servers listen.
        runs: Largest number of deployed runs at the same time.

    Raises:
        NotServed: A port is taken, the host is not safe to use, or a part does not start.
    """
    _check_host(addresses.host)
    for name, port in (("prefect", addresses.prefect_port), ("mlflow", addresses.mlflow_port)):
        _check_port(addresses.host, name, port)
    home = artifacts()
    _set_environment(home, addresses)
    with ExitStack() as stack:
        servers = [
            _started("Prefect's server", _prefect(addresses), home / "served" / "prefect.log"),
            _started("MLflow's server", _mlflow(home, addresses), home / "served" / "mlflow.log"),
        ]
        stack.callback(_end, servers)
        _await_answers(servers, [f"{addresses.prefect}/api/health", f"{addresses.mlflow}/health"])
        runner = _started("The runner", _runner(runs), home / "served" / "runner.log", grace=0)
        stack.callback(_end, [runner])
        _await_word(runner)
        stack.enter_context(announced(home, os.environ))
        yield [*servers, runner]


def watch(parts: Sequence[Part]) -> None:
    """Wait until a part ends, which none should.

    Raises:
        NotServed: Names it, and the file that says why it ended.
    """
    while all(part.process.poll() is None for part in parts):
        time.sleep(0.2)
    raise next(part for part in parts if part.process.poll() is not None).ended()


def _check_host(host: str) -> None:
    """Whoever reaches Prefect's server can run code on this machine."""
    missing = [] if host in LOOPBACK else [key for key in _SECRETS if not os.environ.get(key)]
    if missing:
        raise NotServed(
            f"--host {host} would let others in without a password; set {', '.join(missing)} "
            "first, or leave --host out to serve this machine alone."
        )
    if host not in LOOPBACK and find_spec("flask_wtf") is None:
        raise NotServed(
            f"--host {host} needs MLflow's login, which is not installed; "
            '`pip install "mlflow[auth]"` brings it.'
        )


def _check_port(host: str, name: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise NotServed(
            f"Port {port} of {host} cannot be used ({error.strerror}); stop what listens there, or "
            f"give another one, as in `--{name}-port {port + 1}`."
        ) from None


def _set_environment(home: Path, addresses: Addresses) -> None:
    """Our own servers for everything that this process starts, whatever was set before."""
    os.environ.pop("PREFECT_API_URL", None)
    prepare(home / "prefect")
    os.environ["PREFECT_API_URL"] = f"{addresses.prefect}/api"
    os.environ["PREFECT_UI_URL"] = addresses.prefect
    os.environ["MLFLOW_TRACKING_URI"] = addresses.mlflow
    os.environ["AITIMESTEPPER_ARTIFACTS"] = str(home)
    # Prefect's own 180 s are longer than the silence that counts as a crash
    os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", HEARTBEAT)
    os.environ.setdefault(
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false"
    )  # nobody here sends it jobs
    if addresses.host not in {*LOOPBACK, "0.0.0.0", "::"}:  # MLflow answers private addresses alone
        asked = addresses.mlflow.removeprefix("http://")
        os.environ.setdefault("MLFLOW_SERVER_ALLOWED_HOSTS", asked)
    if secret := os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        os.environ.setdefault("PREFECT_API_AUTH_STRING", secret)


def _prefect(addresses: Addresses) -> list[str]:
    command = [*_PYTHON, "-m", "prefect", "server", "start", "--log-level", "WARNING"]
    return [*command, "--host", addresses.host, "--port", str(addresses.prefect_port)]


def _mlflow(home: Path, addresses: Addresses) -> list[str]:
    """The same files as a training without a server has, so that either finds the other's."""
    folder = home / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    command = [*_PYTHON, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--default-artifact-root", (folder / "artifacts").as_uri(), "--no-serve-artifacts"]
    command += ["--host", addresses.host, "--port", str(addresses.mlflow_port)]
    return command + ([] if addresses.host in LOOPBACK else ["--app-name", "basic-auth"])


def _runner(runs: int) -> list[str]:
    return [*_PYTHON, "-m", "flows.deployments", str(runs)]


def _started(name: str, command: list[str], log: Path, *, grace: float = 6.0) -> Part:
    """Start a part in a session of its own, where Ctrl-C in the terminal cannot reach it.

    Without grace it is killed: a training then ends like one whose plug was pulled, between two
    commits, and not as one that crashed, which its server would set about to start again.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as said:
        process = subprocess.Popen(
            [*_PYTHON, str(_LEASH), str(grace), *command],
            stdin=subprocess.PIPE,
            stdout=said if grace else subprocess.PIPE,
            stderr=said,
            start_new_session=True,
        )
    return Part(name, log, process)


def _await_answers(parts: Sequence[Part], pages: Sequence[str]) -> None:
    deadline = time.monotonic() + _PATIENCE
    for part, page in zip(parts, pages, strict=True):
        while not answers(page, timeout=5):
            if part.process.poll() is not None:
                raise part.ended()
            if time.monotonic() > deadline:
                raise NotServed(f"{part.name} does not answer at {page}; {part.log} may say why.")
            time.sleep(0.1)


def _await_word(runner: Part) -> None:
    """Wait for the runner's one word on its standard output, or for its end."""
    assert runner.process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(runner.process.stdout, selectors.EVENT_READ)
        if not selector.select(_PATIENCE):
            raise NotServed(f"The runner does not get ready; {runner.log} may say why.")
    if not runner.process.stdout.readline():
        raise runner.ended()


def _end(parts: Sequence[Part]) -> None:
    for part in parts:
        part.let_go()
    for part in parts:
        part.wait()
