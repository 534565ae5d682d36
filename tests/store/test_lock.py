"""One writer per run, and a dead one holds nothing."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import aitimestepper.store as package
from aitimestepper.store.errors import StoreLocked
from aitimestepper.store.lock import RunLock, holder

HOLD = """
import sys
from aitimestepper.store.lock import RunLock

with RunLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(folder):
    """Process that holds the lock."""
    found = holder(folder)
    return found and found.pid


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock of the run "demo"."""
    environment = {**os.environ, "PYTHONPATH": str(Path(package.__path__[0]).parents[1])}
    command = [sys.executable, "-c", HOLD, str(tmp_path / "demo")]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_by_name_process_and_host(other, tmp_path):
    text = (
        f'run "demo" is already being trained by process {other.pid} on {socket.gethostname()} '
        r"since 2\d{3}-\S+; wait for it, or train under another --name"
    )
    with pytest.raises(StoreLocked, match=text), RunLock(tmp_path / "demo"):
        pass


def test_the_lock_dies_with_its_process(other, tmp_path):
    assert holding(tmp_path / "demo") == other.pid
    other.kill()
    other.wait()
    assert holder(tmp_path / "demo") is None
    with RunLock(tmp_path / "demo"):
        assert holding(tmp_path / "demo") == os.getpid()


def test_a_second_lock_in_the_same_process_is_refused(tmp_path):
    with RunLock(tmp_path / "demo"), pytest.raises(StoreLocked), RunLock(tmp_path / "demo"):
        pass
    with RunLock(tmp_path / "demo"):
        pass


def test_other_runs_are_free(tmp_path):
    with RunLock(tmp_path / "demo"), RunLock(tmp_path / "pilot"):
        assert holding(tmp_path / "pilot") == os.getpid()


def test_an_error_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), RunLock(tmp_path / "demo"):
        _ = 1 / 0
    assert holder(tmp_path / "demo") is None


def test_nobody_holds_a_run_that_was_never_trained(tmp_path):
    assert holder(tmp_path / "demo") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{}", "not JSON", "[1]"])
def test_a_lock_file_without_sense_is_still_a_lock(tmp_path, text):
    with RunLock(tmp_path / "demo"):
        (tmp_path / "demo/.lock").write_text(text)
        with pytest.raises(StoreLocked, match="unknown"), RunLock(tmp_path / "demo"):
            pass
