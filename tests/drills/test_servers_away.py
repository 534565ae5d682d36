"""A server that goes away costs no epoch: the training goes on, or the same command does."""

from __future__ import annotations

import re
import signal

import pytest
from commands import SETTINGS, Runs, ended, kill, until
from servers import free_port, start_mlflow, start_prefect

EPOCHS = 12


def epochs_of(runs):
    """The epochs that MLflow has, each as often as it has it."""
    return [step for key, step, _ in runs.metrics() if key == "rows"]


@pytest.fixture
def tracked(tmp_path):
    """A user whose MLflow is a server; its database lies where the embedded one would."""
    port = free_port()
    runs = Runs(tmp_path, MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}")
    return runs, lambda: start_mlflow(runs.artifacts / "mlflow", port)


def test_tracking_server_that_hangs(tracked, told):
    runs, start = tracked
    server = start()
    try:
        with ended(runs.start("--epochs", EPOCHS)) as process:
            runs.await_lock(process)
            runs.await_commits(2, process)
            server.send_signal(signal.SIGSTOP)
            before = runs.commit.epoch
            runs.await_commits(6, process)
            gone_on = runs.commit.epoch - before
            server.send_signal(signal.SIGCONT)
            _, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
        assert epochs_of(runs) == list(range(1, EPOCHS + 1))
    finally:
        kill(server)
    waited = re.findall(r"(\d+) epochs of metrics wait", err)
    told(
        "tracking server hangs, then answers again",
        f"{gone_on} epochs trained meanwhile, {EPOCHS} of {EPOCHS} epochs of metrics delivered, "
        f"none twice; said so {len(waited)} times",
    )


def test_tracking_server_away_for_good(tracked, told):
    runs, start = tracked
    server = start()
    with ended(runs.start("--epochs", EPOCHS)) as process:
        try:
            runs.await_lock(process)
            runs.await_commits(2, process)
        finally:
            kill(server)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 2, err
    assert "Traceback" not in err
    assert "MLflow" in err.splitlines()[-1]
    assert (runs.commit.epoch, runs.commit.phase) == (EPOCHS, "generalize")
    there = len(epochs_of(runs))
    server = start()
    try:
        code, _, err = runs.train("--epochs", EPOCHS)
        assert code == 0, err
    finally:
        kill(server)
    assert epochs_of(runs) == list(range(1, EPOCHS + 1))
    told(
        "tracking server away for good",
        f"all {EPOCHS} epochs trained, {there} of their metrics delivered, exit code 2 named the "
        f"server; same command with a server: {EPOCHS} of {EPOCHS} delivered, none twice",
    )


def test_prefect_away_in_the_middle_of_an_epoch(tmp_path, told):
    port, home = free_port(), tmp_path / "prefect-home"
    runs = Runs(
        tmp_path,
        SETTINGS.replace("min_iterations = 60", "min_iterations = 600"),
        PREFECT_API_URL=f"http://127.0.0.1:{port}/api",
        PREFECT_CLIENT_MAX_RETRIES="0",
    )
    server = start_prefect(home, port)
    with ended(runs.start("--epochs", 4)) as process:
        try:
            runs.await_lock(process)
            until(lambda: runs.stamp and runs.commit.phase == "generalize", process)
            runs.await_commits(1, process)
        finally:
            kill(server)
        _, err = process.communicate(timeout=300)
    stood = runs.commit
    assert process.returncode != 0
    assert "Traceback" not in err, err[-3000:]
    assert "Prefect" in err.splitlines()[-1]
    server = start_prefect(home, port)
    try:
        code, _, err = runs.train("--epochs", 4)
        assert code == 0, err
    finally:
        kill(server)
    assert (runs.commit.epoch, runs.commit.phase, runs.commit.rows) == (4, "generalize", 16)
    assert epochs_of(runs) == [1, 2, 3, 4]
    told(
        "Prefect API killed in mid-epoch",
        f"stood at {stood.phase} of epoch {stood.epoch} with exit code {process.returncode}; same "
        "command with a server: 4 epochs, no row or metric lost or twice",
    )
