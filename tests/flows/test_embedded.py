"""The embedded server lives exactly as long as the process that it serves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from flows import embedded
from flows.embedded import ServerDidNotStart, embedded_server, prepare

_PROGRAM = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from flows.embedded import embedded_server
    with embedded_server(Path(sys.argv[1])) as server:
        server.wait()
        print(server.address, flush=True)
        time.sleep(600)
    """
)


def answers(address):
    try:
        return urlopen(f"{address}/health", timeout=5).status == 200
    except (URLError, OSError):
        return False


@pytest.fixture
def alone(monkeypatch):
    """An environment that names no Prefect server."""
    for key in [key for key in os.environ if key.startswith("PREFECT")]:
        monkeypatch.delenv(key)
    return monkeypatch


@pytest.mark.usefixtures("alone")
def test_server_ends_with_a_process_that_is_killed(tmp_path):
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert answers(address)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while answers(address) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answers(address)
    assert (tmp_path / "prefect.db").is_file()


def test_server_of_the_user_is_left_alone(tmp_path, alone):
    alone.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with embedded_server(tmp_path / "home") as server:
        assert server == ("http://127.0.0.1:1/api", None)
    assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:1/api"
    assert "PREFECT_HOME" not in os.environ
    assert not (tmp_path / "home").exists()


def test_server_of_the_user_that_is_away_is_named_within_seconds(tmp_path, alone):
    alone.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    alone.setattr(embedded, "_PATIENCE_WITH_OTHERS", 0.2)
    alone.setattr(embedded, "_PATIENCE", 1e9)
    with (
        embedded_server(tmp_path / "home") as server,
        pytest.raises(ServerDidNotStart, match=r"127\.0\.0\.1:1/api does not answer"),
    ):
        server.wait()


def test_home_that_cannot_be_made_is_named(tmp_path, alone):
    (tmp_path / "file").touch()
    alone.setenv("DO_NOT_TRACK", "1")
    with pytest.raises(ServerDidNotStart, match="file/home"):
        prepare(tmp_path / "file" / "home")
