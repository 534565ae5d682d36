"""Ctrl-C and SIGTERM end a training within seconds, at a commit, and say how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from commands import SETTINGS, Runs, ended, until

PATIENCE = 10.0
MOMENTS = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
"""Times after the lock is taken [seconds]: Prefect, MLflow and the store are being set up."""


@contextmanager
def crowded():
    """As many busy processes as there are processors, beside whatever drills run."""
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def stop(runs, sent, ready, moment):
    """Start the training, stop it so long after it is ready: how long that took [seconds]."""
    with ended(runs.start("--epochs", 1)) as process:
        runs.await_lock(process)
        ready(process)
        time.sleep(moment)
        assert process.poll() is None
        process.send_signal(sent)
        began = time.monotonic()
        _, err = process.communicate(timeout=60)
        took = time.monotonic() - began
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.splitlines()[-1].endswith("ype the same command again to go on."), err
    assert took < PATIENCE, err
    return took


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stopped_training_says_how_to_go_on(tmp_path, told, sent):
    runs = Runs(tmp_path, SETTINGS.replace("min_iterations = 60", "min_iterations = 20000"))

    def in_phase_2(process):
        until(lambda: runs.stamp and runs.commit.phase == "collect", process)

    early = [stop(runs, sent, lambda _: None, moment) for moment in MOMENTS]
    late = stop(runs, sent, in_phase_2, 1.0)
    with crowded():
        slow = [stop(runs, sent, lambda _: None, 0.5), stop(runs, sent, in_phase_2, 1.0)]
    assert (runs.commit.epoch, runs.commit.phase) == (1, "collect")
    told(
        f"{sent.name} at the start and in a long phase 2",
        f"{len(early)} times in the second after the lock: {max(early):.1f} s at most; in phase 2 "
        f"{late:.1f} s; beside busy processes {slow[0]:.1f} and {slow[1]:.1f} s; each time exit "
        "code 130, at the last commit",
    )


def test_second_training_of_one_name_is_refused(tmp_path, told):
    runs = Runs(tmp_path)
    with ended(runs.start()) as process:
        runs.await_lock(process)
        code, out, err = runs.train()
        assert (code, out) == (2, "")
        said = err.splitlines()[-1]
        assert f'run "x" is already being trained by process {process.pid} on ' in said
        assert process.poll() is None
    told("second training of one name", f"exit code 2, named process and host: ...{said[-95:]}")
