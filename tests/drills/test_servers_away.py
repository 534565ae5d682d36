"""A server that goes away costs no epoch: the training goes on, or the same command does."""

from __future__ import annotations

import re
import signal
import time
from contextlib import suppress

import psutil
import pytest
from commands import SETTINGS, Runs, ended, until
from servers import free_port, kill_server, start_mlflow, start_prefect, whole

EPOCHS = 12
MINUTES = 120.0


def epochs_of(runs):
    """The epochs that MLflow has, each as often as it has it."""
    return [step for key, step, _ in runs.metrics() if key == "rows"]


@pytest.fixture
def tracked(tmp_path):
    """A user whose MLflow is a server; its database lies where the embedded one would."""
    port = free_port()
    runs = Runs(tmp_path, MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}")
    return runs, lambda: start_mlflow(runs.artifacts / "mlflow", port)


def tell_all(process, sent):
    """Send a signal to a server and to everything that serves for it."""
    for each in whole(process):
        with suppress(psutil.NoSuchProcess):
            each.send_signal(sent)


def test_tracking_server_that_hangs_for_two_minutes(tracked, told):
    runs, start = tracked
    server = start()
    try:
        with ended(runs.start()) as process:
            runs.await_lock(process)
            runs.await_commits(4, process)
            before, there = runs.commit.epoch, len(epochs_of(runs))
            tell_all(server, signal.SIGSTOP)
            time.sleep(MINUTES)
            gone_on = runs.commit.epoch - before
            tell_all(server, signal.SIGCONT)
            until(lambda: len(epochs_of(runs)) > there + gone_on, process, pause=0.5)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 130, err
        assert gone_on >= 5  # hundreds on a quiet machine
        last = runs.commit.epoch + 1
        code, _, again = runs.train("--epochs", last)
        assert code == 0, again
    finally:
        kill_server(server)
    assert epochs_of(runs) == list(range(1, last + 1))
    waited = re.findall(r"(\d+) epochs of metrics wait", err)
    assert waited
    told(
        f"tracking server hangs for {MINUTES:.0f} s",
        f"{gone_on} epochs trained meanwhile; {last} of {last} epochs of metrics delivered, none "
        f"twice; said so {len(waited)} times",
    )


def test_tracking_server_away_for_good(tracked, told):
    runs, start = tracked
    server = start()
    with ended(runs.start("--epochs", EPOCHS)) as process:
        try:
            runs.await_lock(process)
            runs.await_commits(2, process)
        finally:
            kill_server(server)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 2, err
    assert "Traceback" not in err
    assert "MLflow" in err.splitlines()[-1]
    assert (runs.commit.epoch, runs.commit.phase) == (EPOCHS, "generalize")
    there = len(epochs_of(runs))
    assert there < EPOCHS
    server = start()
    try:
        code, _, err = runs.train("--epochs", EPOCHS)
        assert code == 0, err
    finally:
        kill_server(server)
    assert epochs_of(runs) == list(range(1, EPOCHS + 1))
    told(
        "tracking server away for good",
        f"all {EPOCHS} epochs trained, {there} of their metrics delivered, exit code 2 named the "
        f"server; same command with a server: {EPOCHS} of {EPOCHS} delivered, none twice",
    )


@pytest.fixture
def orchestrated(tmp_path):
    """A user with a Prefect server, whose phase 2 takes some seconds."""
    port = free_port()
    runs = Runs(
        tmp_path,
        SETTINGS.replace("min_iterations = 60", "min_iterations = 3000"),
        PREFECT_API_URL=f"http://127.0.0.1:{port}/api",
    )
    return runs, lambda: start_prefect(tmp_path / "prefect-home", port)


def away_in_phase_2(runs, server, process):
    """Kill Prefect while phase 2 of epoch 2 is at work; the commit it started from."""
    try:
        runs.await_lock(process)
        until(
            lambda: runs.stamp and (runs.commit.epoch, runs.commit.phase) == (2, "collect"), process
        )
        until(lambda: list((runs.run / "results").glob("0002-collect-*")), process)
        time.sleep(0.8)
    finally:
        kill_server(server)
    return runs.commit


def complete(runs):
    """Whether four epochs are there, with every row and metric, and none of them twice."""
    commit = runs.commit
    assert (commit.epoch, commit.phase, commit.rows) == (4, "generalize", 16)
    assert epochs_of(runs) == [1, 2, 3, 4]


def test_prefect_away_for_seconds_in_the_middle_of_an_epoch(orchestrated, told):
    runs, start = orchestrated
    server = start()
    with ended(runs.start("--epochs", 4)) as process:
        stood = away_in_phase_2(runs, server, process)
        assert stood.phase == "collect"
        until(lambda: runs.commit.phase == "generalize", process)
        time.sleep(10.0)
        assert process.poll() is None
        went = runs.commit
        server = start()
        try:
            _, err = process.communicate(timeout=300)
        finally:
            kill_server(server)
    assert process.returncode == 0, err
    assert went.phase == "generalize"
    complete(runs)
    told(
        "Prefect API killed in mid-epoch, back after 10 s",
        f"phase 2 of epoch {went.epoch} was committed meanwhile; the same process went on: "
        "4 epochs, no row or metric lost or twice",
    )


def test_prefect_away_for_good_in_the_middle_of_an_epoch(orchestrated, told):
    runs, start = orchestrated
    server = start()
    with ended(runs.start("--epochs", 4, PREFECT_CLIENT_MAX_RETRIES="0")) as process:
        before = away_in_phase_2(runs, server, process)
        _, err = process.communicate(timeout=300)
    stood = runs.commit
    assert process.returncode == 2, err
    assert "Traceback" not in err, err[-3000:]
    assert 'stopped answering (ConnectError); run "x" stands at its last commit' in err
    assert (before.phase, stood.phase) == ("collect", "generalize")
    server = start()
    try:
        code, _, err = runs.train("--epochs", 4)
        assert code == 0, err
    finally:
        kill_server(server)
    complete(runs)
    told(
        "Prefect API killed in mid-epoch, for good",
        f"stood at {stood.phase} of epoch {stood.epoch} with exit code 2, which named Prefect; "
        "same command with a server: 4 epochs, no row or metric lost or twice",
    )
