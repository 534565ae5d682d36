"""Deployed runs that a stopped or lost machine left unfinished."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.states import AwaitingRetry

from aitimestepper.folders import RunFolder
from aitimestepper.store.lock import holder

_LIMIT = 200


def put_back(flows: list[str]) -> list[str]:
    """Schedule again what still counts as running although no process holds its run.

    The server itself was away when the process ended, so that nobody noticed.

    Arguments:
        flows: Names of the flows; the parameter `name` of a run is the name of its training.

    Returns:
        The names of the runs.
    """
    state = {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(
            flow_filter=FlowFilter.model_validate({"name": {"any_": flows}}),
            flow_run_filter=FlowRunFilter.model_validate({"state": state}),
            limit=_LIMIT,
        )
        lost = [run for run in found if run.deployment_id and not _alive(run)]
        for run in lost:
            client.set_flow_run_state(run.id, AwaitingRetry(message=_WHY), force=True)
    return [run.name for run in lost]


_WHY = "The server was away when its process ended; it goes on from its last commit."


def _alive(run: FlowRun) -> bool:
    return holder(RunFolder(str(run.parameters.get("name"))).path) is not None
