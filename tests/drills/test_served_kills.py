"""A deployed training ends bit-identical however often it, or all that serves it, is killed."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter

import pytest
from commands import bits, of_machine
from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
from served.conftest import Stack, free_port, last_commit, until

from aitimestepper.folders import RunFolder
from aitimestepper.store import checkpoints
from aitimestepper.store.lock import holder
from aitimestepper.store.trajectory import TrajectoryStore

EPOCHS, KILLS, RESTARTS = 20, 10, 4
AFTER = ("collect", "generalize")
PART = 0.3
"""Less than the time of phase 2 [seconds]."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A stack of the test's own, which may be killed, and lets a run start very often."""
    monkeypatch.setenv("AITIMESTEPPER_MOST_STARTS", "100")
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(tmp_path))
    stack = Stack(tmp_path, (free_port(), free_port()))
    stack.start()
    yield stack
    if stack.process.poll() is None:
        stack.stop()


class Life:
    """One process of a deployed training, to be ended at a random moment of it."""

    def __init__(self, name, chance):
        self.name, self.chance = name, chance
        self.pid = until(self._holder)

    def _holder(self):
        by = holder(RunFolder(self.name).path)
        return by and isinstance(by.pid, int) and by.pid

    def passes(self, after):
        """Let a random part of the phase go by that follows a commit of the phase `after`."""
        until(lambda: (stands := last_commit(self.name)) and stands.phase == after)
        time.sleep(self.chance.uniform(0, PART))

    @property
    def interrupted(self):
        """The phase that was at work when the process ended."""
        return "generalize" if last_commit(self.name).phase == "collect" else "collect"

    def kill(self):
        """Kill -9, and wait until the next process may be seen."""
        os.kill(self.pid, signal.SIGKILL)
        until(lambda: self._holder() != self.pid)


def lives(count, seed):
    """Processes of "killed", one after the other, each at a random moment after either commit."""
    chance = random.Random(seed)
    for number in range(count):
        life = Life("killed", chance)
        life.passes(AFTER[number % 2])
        yield number, life


def result(home, name):
    """Everything that must not depend on kills; the uuid of the store is its own."""
    recorded = TrajectoryStore.load(RunFolder(name).store)
    commit = recorded.commit
    path = RunFolder(name).checkpoints / commit.checkpoint
    state = checkpoints.read(path, commit.checkpoint_sha256)
    return {
        "stands": (commit.epoch, commit.phase),
        "rows": (commit.rows, commit.sha256),
        "weights": bits(state["model"]),
        "training": bits(state["training"]),
        "metrics": metrics(home, name),
    }


def metrics(home, name):
    """Every metric of a run that MLflow has; what belongs to the machine is left out."""
    with sqlite3.connect(home / "mlflow" / "mlflow.db") as database:
        found = database.execute(
            "SELECT key, step, value FROM metrics NATURAL JOIN runs WHERE runs.name = ?", [name]
        ).fetchall()
    database.close()
    return sorted(metric for metric in found if not of_machine(metric[0]))


def judged(stack, flow_run):
    """Compare "killed" with a run of the same settings that was not; how many metrics."""
    stack.ended(flow_run, "Completed")
    whole = stack.begin("whole", epochs=EPOCHS)
    assert stack.ended(whole, "Completed").run_count == 1
    killed, expected = result(stack.home, "killed"), result(stack.home, "whole")
    for what in expected:
        assert killed[what] == expected[what], what
    keys = [metric[:2] for metric in killed["metrics"]]
    assert len(keys) == len(set(keys)) > EPOCHS
    assert killed["stands"] == (EPOCHS, "generalize")
    return len(keys)


def shown(stack, flow_run, fell):
    """What the page shows: how many tasks ended how; crashes of the run and of its epochs."""
    with stack.client() as client:
        told = {"parent_flow_run_id": {"any_": [str(flow_run)]}}
        epochs = client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(told))
        assert len({run.name for run in epochs}) == len(epochs) == EPOCHS
        tasks, states = [], [states_of(client, run.id) for run in epochs]
        for run in epochs:
            every = FlowRunFilter.model_validate({"id": {"any_": [str(run.id)]}})
            tasks += client.read_task_runs(flow_run_filter=every, task_run_filter=TaskRunFilter())
        ended = Counter(task.state_name for task in tasks)
        own = states_of(client, flow_run)
    crashed = [each for each in states if "Crashed" in each]
    assert all(each[-1] == "Completed" for each in states)
    assert all(each[each.index("Crashed") + 1] == "AwaitingRetry" for each in crashed)
    assert sum(each.count("Crashed") for each in states) >= fell["generalize"] > 0
    assert ended["Cached"] > 0
    return ended, (
        f"Prefect shows {own.count('Crashed')} crashes and {own.count('AwaitingRetry')} retries of "
        f"the run, {len(crashed)} crashed and retried epochs, {ended['Cached']} cached phases"
    )


def states_of(client, flow_run):
    """The names of all states that a flow run had, in order."""
    return [state.name for state in client.read_flow_run_states(flow_run)]


def test_killed_training_of_a_deployment(stack, told):
    fell = Counter()
    flow_run = stack.begin("killed", epochs=EPOCHS)
    for _, life in lives(KILLS, seed=0):
        life.kill()
        fell[life.interrupted] += 1
    count = judged(stack, flow_run)
    ended, page = shown(stack, flow_run, fell)
    assert ended["Cached"] == fell["generalize"]
    assert set(ended) <= {"Completed", "Cached", "Crashed"}
    assert f"{KILLS} crashes and {KILLS} retries" in page
    told(
        "kill -9 of a deployed training, servers stay up",
        f"{KILLS} kills ({fell['collect']} in collect, {fell['generalize']} in generalize), "
        f"{EPOCHS} epochs, {count} metrics: bit-identical; {page}",
    )


def test_killed_servers_of_a_deployment(stack, told):
    fell = Counter()
    flow_run = stack.begin("killed", epochs=EPOCHS)
    for number, life in lives(RESTARTS, seed=1):
        if number in (1, 2):  # either way to end it, in either phase
            stack.process.send_signal(signal.SIGKILL)
        else:
            (server,) = [p for p in stack.processes if p.cmdline()[3:5] == ["prefect", "server"]]
            server.kill()
        stack.process.communicate(timeout=60)
        until(lambda: not stack.processes)
        fell[life.interrupted] += 1
        stack.start()
    count = judged(stack, flow_run)
    _, page = shown(stack, flow_run, fell)  # a killed server loses what tasks had just told it
    told(
        "kill -9 of serve and of Prefect's server, served again",
        f"{RESTARTS} times ({fell['collect']} in collect, {fell['generalize']} in generalize), "
        f"{EPOCHS} epochs, {count} metrics: bit-identical; {page}",
    )
