"""What a person asks for, on the page or in a terminal, happens; the training goes on after it."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from aitimestepper.folders import RunFolder
from aitimestepper.store.lock import holder

from .conftest import in_second_half, last_commit, until

pytestmark = [pytest.mark.drill, pytest.mark.slow]

EPOCHS = 3
SLOW = {"generalize": {"min_iterations": 3000}}  # a phase of several seconds, to stop inside
SECONDS = 20.0
STOPS = 10.0


def page(stack, flow_run, what, **told):
    """The request that a button of Prefect's page sends."""
    address = f"http://127.0.0.1:{stack.ports[0]}/api/flow_runs/{flow_run}/{what}"
    answer = httpx.post(address, json=told)
    assert answer.json()["status"] == "ACCEPT", answer.text


def suspend(stack, flow_run):
    later = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    details = {"pause_timeout": later, "pause_reschedule": True}
    state = {"type": "PAUSED", "name": "Suspended", "state_details": details}
    page(stack, flow_run, "set_state", state=state, force=True)


def cancel(stack, flow_run):
    """Cancel, with the box ticked that cancels the epoch as well."""
    state = {"type": "CANCELLING", "name": "Cancelling"}
    with stack.client() as client:
        for child in stack.children(client, flow_run):
            if child.state_name == "Running":
                page(stack, child.id, "set_state", state=state, force=True)
    page(stack, flow_run, "set_state", state=state, force=True)
    stack.ended(flow_run, "Cancelled")


def retry(stack, flow_run):
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
    page(stack, flow_run, "set_state", state=state, force=False)


def left(name):
    """Wait until no process holds a run; where it stands."""
    until(lambda: holder(RunFolder(name).path) is None, SECONDS)
    return last_commit(name)


def whole(stack, flow_run, name):
    """Wait for the end, and see that every epoch was done once."""
    stack.ended(flow_run, "Completed")
    commit = last_commit(name)
    assert (commit.epoch, commit.phase, commit.rows) == (EPOCHS, "generalize", EPOCHS)
    with stack.client() as client:
        found = stack.children(client, flow_run)
    done = sorted(epoch.name for epoch in found if epoch.state_name == "Completed")
    assert done == [f"{name}/{number:04d}" for number in range(1, EPOCHS + 1)]
    assert {epoch.state_name for epoch in found} <= {"Completed", "Cancelled"}


def command(stack, *words, **environment):
    """A command typed in another terminal."""
    told = stack.environment | environment
    done = subprocess.run(words, env=told, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_suspended_run_leaves_in_mid_phase_and_resumed_it_goes_on(stack, told):
    flow_run = stack.begin("suspended", epochs=EPOCHS, **SLOW)
    in_second_half("suspended", 1)
    suspend(stack, flow_run)
    began = time.monotonic()
    stood = left("suspended")
    seconds = time.monotonic() - began
    assert (stood.epoch, stood.phase) == (1, "collect")
    assert stack.flow_run(flow_run).state_name == "Suspended"
    page(stack, flow_run, "resume")
    whole(stack, flow_run, "suspended")
    told(
        "Suspend on the page in mid-phase, then Resume", f"left after {seconds:.1f} s; run complete"
    )


def test_paused_run_waits_in_its_process(stack, told):
    flow_run = stack.begin("paused", epochs=EPOCHS, **SLOW)
    process = in_second_half("paused", 1)
    state = {"type": "PAUSED", "name": "Paused", "state_details": {"pause_reschedule": False}}
    page(stack, flow_run, "set_state", state=state, force=True)
    time.sleep(5)
    stood = last_commit("paused")
    time.sleep(5)
    assert last_commit("paused") == stood
    assert (stood.epoch, stood.phase) == (1, "collect")
    assert holder(RunFolder("paused").path).pid == process
    page(stack, flow_run, "resume")
    whole(stack, flow_run, "paused")
    told("Pause on the page, then Resume", "same process, same commit for 5 s; run complete")


def test_cancelled_run_goes_on_with_retry_of_the_page_and_of_the_terminal(stack, told):
    flow_run, seconds = stack.begin("retried", epochs=EPOCHS), []
    for epoch in (1, 2):
        if seconds:
            retry(stack, flow_run)
        in_second_half("retried", epoch)
        began = time.monotonic()
        cancel(stack, flow_run)
        assert left("retried").epoch == epoch
        seconds.append(time.monotonic() - began)
        assert seconds[-1] < STOPS
    address = f"http://127.0.0.1:{stack.ports[0]}/api"
    retried = (sys.executable, "-m", "prefect", "flow-run", "retry", str(flow_run))
    command(stack, *retried, PREFECT_API_URL=address)
    whole(stack, flow_run, "retried")
    told(
        "Cancel on the page, then Retry there and in a terminal",
        f"ended at a commit after {seconds[0]:.1f} and {seconds[1]:.1f} s; run complete",
    )


def test_command_goes_on_with_a_cancelled_run_beside_what_is_served(stack):
    flow_run = stack.begin("typed", epochs=EPOCHS)
    in_second_half("typed", 1)
    other = stack.begin("beside", epochs=EPOCHS)
    cancel(stack, flow_run)
    stood = left("typed")
    train = (sys.executable, "-m", "flows.cli", "train", "--name", "typed", "--epochs", str(EPOCHS))
    told = command(stack, *train)
    assert f"Prefect: http://127.0.0.1:{stack.ports[0]}\n" in told
    commit = last_commit("typed")
    assert stood.epoch == 1
    assert (commit.epoch, commit.phase, commit.rows) == (EPOCHS, "generalize", EPOCHS)
    stack.ended(other, "Completed")
