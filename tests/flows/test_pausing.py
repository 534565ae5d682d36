"""A pause asked for on the page is obeyed where the phases report progress."""

from __future__ import annotations

import threading
import time

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.runtime import flow_run
from prefect.states import Paused, Running, Suspended

from tasks import pausing as module
from tasks.pausing import obey, pausing

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Look ten times a second, and forget the test before."""
    REACHED.clear()
    monkeypatch.setattr(module, "_EVERY", 0.1)


def ask(run, state):
    """What the page does; only a deployed run may be suspended without force."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, state, force=True)


def state_of(run):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).state


REACHED = []


@flow
def training(wanted):
    """Report progress for half a second after a pause was asked for."""
    run = flow_run.id
    ask(run, Suspended(timeout_seconds=60) if wanted == "suspend" else Paused(timeout_seconds=60))
    if wanted == "pause":
        threading.Timer(1.0, ask, (run, Running())).start()
    began = time.monotonic()
    with pausing("drill", run, deployed=True):
        while time.monotonic() < began + 0.5:
            obey("drill")
            time.sleep(0.01)
    REACHED.append(wanted)
    return time.monotonic() - began


def test_suspended_training_leaves_its_process_and_stays_suspended():
    with pytest.raises(Pause) as raised:
        training("suspend")
    assert REACHED == []
    assert state_of(raised.value.state.state_details.flow_run_id).name == "Suspended"


def test_paused_training_waits_and_goes_on():
    assert training("pause") >= 1.0


def test_training_from_the_command_line_asks_no_server(monkeypatch):
    monkeypatch.delattr(module, "get_client")
    with pausing("drill", "0" * 32, deployed=False):
        obey("drill")


def test_training_goes_on_where_the_server_gives_no_state():
    with pausing("drill", "0" * 32, deployed=True):  # a run that the server does not know
        time.sleep(0.2)
        obey("drill")
