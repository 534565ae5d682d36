"""Flow runs that a process left behind as running."""

from __future__ import annotations

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import AwaitingRetry, Completed, Crashed

from tasks.reports import Place

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


def settle_epochs(own: str, place: Place) -> None:
    """Say of the epochs that a retried or resumed run left as running what became of them.

    What its store has is complete, although its process ended before it could say so. The epoch
    that the process ended in has crashed, with the task that was at work, and is retried.

    Arguments:
        own: Id of the flow run that goes on.
        place: The phase that comes next.
    """
    with get_client(sync_client=True) as client:
        for run in _children(client, own):
            _settle_tasks(client, run, place)
            if int(run.name.rpartition("/")[2]) < place.epoch:
                client.set_flow_run_state(run.id, _committed(), force=True)
                continue
            for state in (_crashed(), AwaitingRetry(message="It goes on from the last commit.")):
                client.set_flow_run_state(run.id, state, force=True)


def _settle_tasks(client: SyncPrefectClient, run: FlowRun, place: Place) -> None:
    for task in client.read_task_runs(
        flow_run_filter=FlowRunFilter.model_validate({"id": {"any_": [str(run.id)]}}),
        task_run_filter=TaskRunFilter.model_validate({"state": _RUNNING}),
        limit=_LIMIT,
    ):
        phase, _, epoch = task.name.rpartition("-")
        done = (int(epoch), phase) < (place.epoch, place.phase)  # the alphabet has their order
        client.set_task_run_state(task.id, _committed() if done else _crashed(), force=True)


# a new state for each run: Prefect notes in the details of a state whose it is
def _committed() -> State:
    return Completed(message="Committed before the process ended.")


def _crashed() -> State:
    return Crashed(message="The process ended in the middle of it.")


def _children(client: SyncPrefectClient, parent: str) -> list[FlowRun]:
    return _found(client, {"parent_flow_run_id": {"any_": [parent]}, "state": _RUNNING})


def _found(client: SyncPrefectClient, wanted: dict[str, object]) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(wanted), limit=_LIMIT)
