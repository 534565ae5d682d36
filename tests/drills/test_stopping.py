"""Ctrl-C and SIGTERM end a training within seconds, at a commit, and say how to go on."""

from __future__ import annotations

import signal
import time

import pytest
from commands import SETTINGS, Runs, ended, until

PATIENCE = 10.0


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stopped_training_says_how_to_go_on(tmp_path, told, sent):
    runs = Runs(tmp_path, SETTINGS.replace("min_iterations = 60", "min_iterations = 20000"))
    took = []
    for long in (False, True):
        with ended(runs.start("--epochs", 1)) as process:
            runs.await_lock(process)
            if long:
                until(lambda: runs.stamp and runs.commit.phase == "collect", process)
            time.sleep(1.0)
            assert process.poll() is None
            process.send_signal(sent)
            began = time.monotonic()
            _, err = process.communicate(timeout=60)
            took.append(time.monotonic() - began)
        assert process.returncode == 130, err
        assert "Traceback" not in err
        assert err.splitlines()[-1].endswith("Type the same command again to go on.")
    assert max(took) < PATIENCE
    assert runs.commit.phase == "collect"
    told(
        f"{sent.name} at the start and in a long phase 2",
        f"ended after {took[0]:.1f} and {took[1]:.1f} s with exit code 130, at the last commit",
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
