"""Real Prefect and MLflow servers on loopback, which a test may stop, kill and start again."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from urllib.request import urlopen

import psutil
from commands import environment, until


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url):
    """Whether there is an answer at an address."""
    with suppress(OSError), urlopen(url, timeout=5) as response:
        return response.status == 200
    return False


def serve(command, health, **variables):
    """Start a server and wait for its answer."""
    process = subprocess.Popen(
        command,
        env=environment("/nonexistent", **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: answers(health), process, pause=0.1)
    return process


def start_prefect(home, port):
    """A Prefect server with its database under `home`."""
    home.mkdir(parents=True, exist_ok=True)
    app = ["prefect.server.api.server:create_app", "--factory", "--log-level", "critical"]
    return serve(
        [sys.executable, "-m", "uvicorn", *app, "--host", "127.0.0.1", "--port", str(port)],
        f"http://127.0.0.1:{port}/api/health",
        PREFECT_HOME=str(home),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT__SERVER_FINAL="1",
    )


def start_mlflow(folder, port):
    """An MLflow server with its database in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    files = ["--artifacts-destination", str(folder / "artifacts"), "--workers", "1"]
    where = ["--host", "127.0.0.1", "--port", str(port)]
    return serve(
        [sys.executable, "-m", "mlflow", "server", *store, *files, *where],
        f"http://127.0.0.1:{port}/health",
        MLFLOW_DISABLE_TELEMETRY="true",
    )


def whole(process):
    """A server with the processes that it started and that do the serving."""
    server = psutil.Process(process.pid)
    return [server, *server.children(recursive=True)]


def kill_server(process):
    """Kill -9 a server with all of its processes at once."""
    every = whole(process) if process.poll() is None else []
    for each in every:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    psutil.wait_procs(every, timeout=20)


@contextmanager
def prefect_server(home):
    """A Prefect server for the length of the block: its API, and a way to end it."""
    port = free_port()
    process = start_prefect(home, port)
    try:
        yield f"http://127.0.0.1:{port}/api", process
    finally:
        kill_server(process)
