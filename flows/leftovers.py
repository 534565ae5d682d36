"""Flow runs that a process left behind as running."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed, Crashed

_LIMIT = 20
_RUNNING = {"type": {"any_": ["RUNNING"]}}


def mark_leftovers(name: str, own: str) -> None:
    """Mark older runs of a training as crashed; call it while holding the lock of the run.

    Whoever holds the lock is the only one who trains, so a run that still counts as running has
    no process any more.

    Arguments:
        name: Name of the training, which its flow runs carry.
        own: Id of the flow run that holds the lock.
    """
    with get_client(sync_client=True) as client:
        for parent in _found(client, {"name": {"any_": [name]}, "state": _RUNNING}):
            if str(parent.id) == own:
                continue
            for run in [*_children(client, str(parent.id)), parent]:
                state = Crashed(message="The process ended; a later one continues the training.")
                client.set_flow_run_state(run.id, state, force=True)


def complete_epochs(own: str, first: int) -> None:
    """Mark the epochs of a retried or resumed run as completed that its store says are done.

    A process that ended after an epoch's last commit could not say that the epoch was complete.

    Arguments:
        own: Id of the flow run that goes on.
        first: First epoch that is not done.
    """
    with get_client(sync_client=True) as client:
        for run in _children(client, own):
            if int(run.name.rpartition("/")[2]) < first:
                state = Completed(message="Committed before the process ended.")
                client.set_flow_run_state(run.id, state, force=True)


def _children(client: SyncPrefectClient, parent: str) -> list[FlowRun]:
    return _found(client, {"parent_flow_run_id": {"any_": [parent]}, "state": _RUNNING})


def _found(client: SyncPrefectClient, wanted: dict[str, object]) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(wanted), limit=_LIMIT)
