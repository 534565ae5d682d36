"""A flow run whose process was killed is marked as crashed; the one that lives is left alone."""

from __future__ import annotations

import pytest
from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.runtime import flow_run
from prefect.states import Running

from flows.leftovers import mark_leftovers, settle_epochs
from tasks.reports import Place

pytestmark = pytest.mark.usefixtures("prefect_server")


@flow
def training():
    pass


@flow(flow_run_name="drill/{number:04d}")
def epoch(number):
    """End in the middle of an epoch."""
    raise Unplugged(flow_run.id, number)


@task
def phase():
    pass


class Unplugged(BaseException):
    """The process ends, and nobody hears of it."""


@flow
def resumed():
    """An epoch that the store has and one of which it has a phase; all count as running."""
    with get_client(sync_client=True) as client:
        runs = [_left_running(client, number) for number in (3, 4)]
        settle_epochs(str(flow_run.id), Place(epoch=4, phase="generalize", parent="4"))
        states = [[state.name for state in client.read_flow_run_states(run)] for run in runs]
        return states, {run.name: run.state_name for run in _phases(client, runs)}


def _phases(client, runs):
    every = FlowRunFilter.model_validate({"id": {"any_": [str(run) for run in runs]}})
    return client.read_task_runs(flow_run_filter=every)


def _left_running(client, number):
    try:
        epoch(number)
    except Unplugged as ended:
        run = ended.args[0]
        client.set_flow_run_state(run, Running(), force=True)
        for name in ("collect", "generalize"):
            client.create_task_run(phase, run, name, name=f"{name}-{number:04d}", state=Running())
        return run


@flow(flow_run_name="drill")
def successor():
    mark_leftovers("drill", str(flow_run.id))
    with get_client(sync_client=True) as client:
        return client.read_flow_run(flow_run.id).state_name


def test_only_runs_of_dead_processes_are_marked():
    with get_client(sync_client=True) as client:
        dead = client.create_flow_run(training, name="drill", state=Running())
        other = client.create_flow_run(training, name="another", state=Running())
        assert successor() == "Running"
        states = [client.read_flow_run(run.id).state_name for run in (dead, other)]
    assert states == ["Crashed", "Running"]


def test_epochs_that_the_store_has_are_completed_and_others_crashed():
    (done, interrupted), phases = resumed()
    assert done[-2:] == ["Running", "Completed"]
    assert interrupted[-3:] == ["Running", "Crashed", "AwaitingRetry"]
    assert phases == {
        "collect-0003": "Completed",
        "generalize-0003": "Completed",
        "collect-0004": "Completed",
        "generalize-0004": "Crashed",
    }
