"""Flow runs that a killed process left behind as running."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.states import Crashed

_LIMIT = 20


def mark_leftovers(name: str, own: str) -> None:
    """Mark older runs of a training as crashed; call it while holding the lock of the run.

    Whoever holds the lock is the only one who trains, so a run that still counts as running has
    no process any more.

    Arguments:
        name: Name of the training, which its flow runs carry.
        own: Id of the flow run that holds the lock.
    """
    running = {"type": {"any_": ["RUNNING"]}}
    with get_client(sync_client=True) as client:
        for parent in _found(client, {"name": {"any_": [name]}, "state": running}):
            if str(parent.id) == own:
                continue
            child = {"parent_flow_run_id": {"any_": [str(parent.id)]}, "state": running}
            for run in [*_found(client, child), parent]:
                state = Crashed(message="The process ended; a later one continues the training.")
                client.set_flow_run_state(run.id, state, force=True)


def _found(client: SyncPrefectClient, wanted: dict[str, object]) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(wanted), limit=_LIMIT)
