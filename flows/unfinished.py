"""Deployed runs that a stopped or lost machine left unfinished."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry, Cancelled, State

from aitimestepper.folders import RunFolder
from aitimestepper.settings import RunConfig
from aitimestepper.store.lock import holder

_LIMIT = 200
_WHY = "The server was away when its process ended; it goes on from its last commit."


def put_back(flows: list[str]) -> list[str]:
    """Schedule again what still counts as running although no process holds its run.

    The server itself was away when the process ended, so that nobody noticed.

    Arguments:
        flows: Names of the flows; the parameter `name` of a run is the name of its training.

    Returns:
        Names of the flow runs that go on.
    """
    unfinished = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(
            flow_filter=FlowFilter.model_validate({"name": {"any_": flows}}),
            flow_run_filter=FlowRunFilter.model_validate(unfinished),
            limit=_LIMIT,
        )
        lost = [(run, _next(run)) for run in found if run.deployment_id and not _alive(run)]
        for run, state in lost:
            client.set_flow_run_state(run.id, state, force=True)
    return [run.name for run, state in lost if state.is_scheduled()]


def _next(run: FlowRun) -> State:
    if run.state_type == StateType.CANCELLING:
        return Cancelled()
    return AwaitingRetry(message=_WHY)


def _alive(run: FlowRun) -> bool:
    name = run.parameters.get("name", RunConfig.model_fields["name"].default)
    return holder(RunFolder(str(name)).path) is not None
