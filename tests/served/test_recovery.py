"""A deployed training ends well whatever happens to its process."""

from __future__ import annotations

import os
import signal

import pytest
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from prefect.states import Cancelling

from aitimestepper.folders import RunFolder
from aitimestepper.store.lock import holder
from aitimestepper.store.trajectory import TrajectoryStore

from .conftest import in_second_half, last_commit, until

pytestmark = [pytest.mark.drill, pytest.mark.slow]

EPOCHS = 3


def rows_of(name):
    """The part of the identity that tells of the rows alone."""
    store = TrajectoryStore.read_only(RunFolder(name).store)
    commit = store.commit
    return commit.rows, commit.sha256


def epochs_of(stack, client, parent):
    """Epochs that a training called, each with the states of its tasks."""
    runs, found = stack.children(client, parent), {}
    for run in sorted(runs, key=lambda run: run.name):
        ours = FlowRunFilter.model_validate({"id": {"any_": [str(run.id)]}})
        tasks = client.read_task_runs(flow_run_filter=ours, task_run_filter=TaskRunFilter())
        tasks.sort(key=lambda task: str(task.start_time))
        found[run.name] = (run.state_name, [(task.name, task.state_name) for task in tasks])
    assert len(found) == len(runs)
    return found


def test_killed_run_finishes_by_itself_beside_another_one(stack, told):
    killed, whole = stack.begin("killed", epochs=EPOCHS), stack.begin("whole", epochs=EPOCHS)
    os.kill(in_second_half("killed", 2), signal.SIGKILL)
    run, other = stack.ended(killed, "Completed"), stack.ended(whole, "Completed")
    assert (run.run_count, other.run_count) == (2, 1)
    assert rows_of("killed") == rows_of("whole")
    assert run.start_time < other.end_time
    assert other.start_time < run.end_time
    with stack.client() as client:
        epochs = until(lambda: (c := epochs_of(stack, client, killed)) and len(c) == EPOCHS and c)
        assert list(epochs) == ["killed/0001", "killed/0002", "killed/0003"]
        assert {state for state, _ in epochs.values()} == {"Completed"}
        assert ("collect-0002", "Cached") in epochs["killed/0002"][1]
        assert epochs["killed/0003"][1] == [
            ("collect-0003", "Completed"),
            ("generalize-0003", "Completed"),
        ]
    told("kill -9 beside another run on one worker", "2 starts, collect-0002 cached, same rows")


def test_cancelled_run_stops_at_a_commit_and_the_same_parameters_go_on(stack):
    flow_run = stack.begin("cancelled", epochs=500)
    in_second_half("cancelled", 1)
    second = stack.ended(stack.begin("cancelled", epochs=500), "Failed")
    assert "already being trained" in second.state.message
    with stack.client() as client:
        client.set_flow_run_state(flow_run, Cancelling())
    stack.ended(flow_run, "Cancelled")
    until(lambda: holder(RunFolder("cancelled").path) is None, 10)
    before = last_commit("cancelled")
    again = stack.ended(stack.begin("cancelled", epochs=before.epoch + 1), "Completed")
    assert again.id != flow_run
    after = last_commit("cancelled")
    assert (after.epoch, after.phase) == (before.epoch + 1, "generalize")
