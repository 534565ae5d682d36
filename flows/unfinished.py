"""Deployed runs that a stopped or lost machine left unfinished."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import AwaitingRetry, Cancelled, Crashed

from aitimestepper.folders import RunFolder
from aitimestepper.settings import RunConfig
from aitimestepper.store.lock import holder

_LIMIT = 200
_AWAY = "The server was away when its process ended"


def put_back(recovered: list[str], deployed: list[str]) -> list[str]:
    """Schedule again what still counts as running although no process holds its run.

    The server itself was away when the process ended, so that nobody noticed.

    Arguments:
        recovered: Flows whose runs go on; the parameter `name` of a run names its training.
        deployed: All flows whose runs may have been left; those that cannot go on have crashed.

    Returns:
        Names of the flow runs that go on.
    """
    with get_client(sync_client=True) as client:
        going = [run for run in _found(client, recovered) if not _alive(run)]
        for run in going:
            client.set_flow_run_state(run.id, _next(run), force=True)
        for run in _found(client, sorted({*deployed} - {*recovered})):
            client.set_flow_run_state(run.id, Crashed(message=_AWAY), force=True)
    return [run.name for run in going]


def _found(client: SyncPrefectClient, flows: list[str]) -> list[FlowRun]:
    unfinished = {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    found = client.read_flow_runs(
        flow_filter=FlowFilter.model_validate({"name": {"any_": flows}}),
        flow_run_filter=FlowRunFilter.model_validate(unfinished),
        limit=_LIMIT,
    )
    return [run for run in found if run.deployment_id]


def _next(run: FlowRun) -> State:
    if run.state_type == StateType.CANCELLING:
        return Cancelled()
    return AwaitingRetry(message=f"{_AWAY}; it goes on from its last commit.")


def _alive(run: FlowRun) -> bool:
    name = run.parameters.get("name", RunConfig.model_fields["name"].default)
    return holder(RunFolder(str(name)).path) is not None
