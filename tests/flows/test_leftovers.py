"""A flow run whose process was killed is marked as crashed; the one that lives is left alone."""

from __future__ import annotations

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.states import Running

from flows.leftovers import mark_leftovers

pytestmark = pytest.mark.usefixtures("prefect_server")


@flow
def training():
    pass


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
