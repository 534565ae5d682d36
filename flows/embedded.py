"""Prefect without a server to start first: its environment, and a server for one command.

Prefect reads its environment when it is imported, so nothing here imports it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from aitimestepper.errors import UserError

_PATIENCE = 60.0
_PATIENCE_WITH_OTHERS = 5.0  # it is there already, or nobody is starting it
_ENDS = 10.0
_ENDS_WHEN_STOPPED = 3.0  # with that for what waits to be sent, well below the 10 s for all of it
_PROGRAM = Path(__file__).with_name("embedded_server.py")
_ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "aitimestepper",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


class ServerDidNotStart(UserError):
    """The embedded server gave no answer."""


class Server(NamedTuple):
    """A Prefect server that may still be starting."""

    address: str
    """Of the API."""
    process: subprocess.Popen[bytes] | None
    """The server, if it is ours."""

    def wait(self) -> None:
        """Wait until the server answers.

        Raises:
            ServerDidNotStart: It ended, or does not answer in time.
        """
        deadline = time.monotonic() + (_PATIENCE if self.process else _PATIENCE_WITH_OTHERS)
        while not answers(f"{self.address}/health"):
            if time.monotonic() > deadline or (self.process and self.process.poll() is not None):
                raise ServerDidNotStart(_no_answer(self.address, self.process is not None))
            time.sleep(0.05)


def _no_answer(address: str, embedded: bool) -> str:
    if embedded:
        home = os.environ["PREFECT_HOME"]
        return (
            f"The embedded Prefect server did not start from {home}; make that folder writable, "
            "free space, or move the folder away if its prefect.db is damaged."
        )
    return (
        f"Prefect at {address} does not answer; start it again, or unset PREFECT_API_URL to use "
        "the embedded one."
    )


def prepare(home: Path) -> None:
    """Set Prefect's environment for this process, where the user has not set it.

    Raises:
        ServerDidNotStart: `home` cannot be made.
    """
    for key, value in _ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    if "PREFECT_API_URL" in os.environ:
        return
    os.environ.setdefault("PREFECT_HOME", str(home.absolute()))
    # the embedded server wants no such token, and asking costs a request for every epoch
    os.environ.setdefault("PREFECT_CLIENT_CSRF_SUPPORT_ENABLED", "false")
    try:
        Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerDidNotStart(
            f"{os.environ['PREFECT_HOME']}: {error.strerror}; Prefect keeps its database there, so "
            "make it writable, or set AITIMESTEPPER_ARTIFACTS to another folder."
        ) from None


@contextmanager
def embedded_server(home: Path) -> Iterator[Server]:
    """Serve Prefect from `home` for the length of the block; the user's own server wins.

    What is recorded stays in the database under `home`, where a later server shows it. The
    server starts while the block goes on; `Server.wait` waits for it.

    Arguments:
        home: PREFECT_HOME of the embedded server.
    """
    prepare(home)
    if address := os.environ.get("PREFECT_API_URL"):
        yield Server(address, None)
        return
    port = _free_port()
    process = _start(port)
    server = Server(f"http://127.0.0.1:{port}/api", process)
    ours = {"PREFECT_API_URL": server.address, "PREFECT_SERVER_UI_ENABLED": "false"}
    os.environ.update(ours)
    patience = _ENDS
    try:
        yield server
    except KeyboardInterrupt:
        patience = _ENDS_WHEN_STOPPED
        raise
    finally:
        for key in ours:
            del os.environ[key]
        _stop(process, patience)


def _start(port: int) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, where Ctrl-C in the terminal cannot reach it."""
    return subprocess.Popen(
        [sys.executable, "-P", str(_PROGRAM), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"PREFECT__SERVER_FINAL": "1", "PREFECT__SERVER_EPHEMERAL": "1"},
    )


def _stop(process: subprocess.Popen[bytes], patience: float) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str, timeout: float = 3.0) -> bool:
    """Whether a page is there, asked for `timeout` seconds at most."""
    try:
        with urlopen(url, timeout=timeout) as response:
            return response.status == 200
    except (URLError, OSError):
        return False
