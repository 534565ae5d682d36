"""A sweep proposes, trains, judges and promotes; interrupted, it goes on with what was missing."""

from __future__ import annotations

import json
import zlib

import pytest
from optuna.trial import TrialState

import tasks.trials
from aitimestepper.errors import UserError
from aitimestepper.folders import RunFolder, tracking_uri
from aitimestepper.settings.sweep import SweepConfig
from aitimestepper.store.errors import StoreError
from aitimestepper.store.trajectory import TrajectoryStore
from aitimestepper.tracking.client import connect
from flows.sweep import sweep
from tasks.study import SweepChanged, open_study
from tasks.trials import objective

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server", "artifacts")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One MLflow store for the module, since making one takes longer than a sweep."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(autouse=True)
def tracked(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)


@pytest.fixture
def tiny(tiny, request):
    """Settings whose name no other test has."""
    return tiny.model_copy(update={"name": f"s{zlib.crc32(request.node.name.encode())}"})


def plan(tiny, **changes):
    told = {
        "base": tiny,
        "vary": {"optimizer.learning_rate": "log 1e-3..1e-2"},
        "trials": 3,
        **changes,
    }
    return SweepConfig.model_validate(told)


def swept(wanted):
    return sweep(**dict(wanted))


def committed(name):
    return TrajectoryStore.read_only(RunFolder(name).store).commit


def test_a_sweep_is_a_parent_with_a_tracked_run_for_every_trial(tiny):
    report = swept(plan(tiny))
    assert report.complete == 3
    client = connect(tracking_uri())
    every = client.search_runs([e.experiment_id for e in client.search_experiments()])
    by_name = {run.info.run_name: run for run in every if run.info.run_name.startswith(tiny.name)}
    parent = by_name.pop(tiny.name)
    assert by_name.keys() == {f"{tiny.name}-000{i}" for i in range(3)}
    assert parent.info.status == "FINISHED"
    assert report.best in parent.data.tags["mlflow.note.content"]
    for run in by_name.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert 1e-3 <= float(run.data.params["optimizer.learning_rate"]) <= 1e-2
    values = {name: run.data.metrics["objective"] for name, run in by_name.items()}
    assert report.best == min(values, key=values.__getitem__)
    assert report.value == min(values.values())
    version = client.get_model_version_by_alias(tiny.name, "best")
    assert version.run_id == by_name[report.best].info.run_id


def test_an_interrupted_sweep_goes_on_inside_the_trial_that_was_running(tiny, monkeypatch):
    wanted = plan(tiny, pruner="none")
    promise, told = tasks.trials._promise, []

    def dies(session):
        told.append(session.config.name)
        if len(told) == 3:  # after the first epoch of the second trial
            raise StoreError("the disk is gone")
        return promise(session)

    monkeypatch.setattr(tasks.trials, "_promise", dies)
    with pytest.raises(StoreError, match="disk is gone"):
        swept(wanted)
    states = [trial.state for trial in open_study(wanted).trials]
    assert states == [TrialState.COMPLETE, TrialState.RUNNING]
    before = open_study(wanted).trials[1].params
    first = committed(f"{tiny.name}-0001")

    monkeypatch.setattr(tasks.trials, "_promise", promise)
    report = swept(wanted)
    assert [trial.number for trial in report.trials] == [1, 2]
    assert report.complete == 3
    assert open_study(wanted).trials[1].params == before
    assert first.epoch == 1
    assert committed(f"{tiny.name}-0001").epoch == 2


def test_more_trials_add_to_a_sweep_and_the_old_ones_stay(tiny):
    swept(plan(tiny, trials=1))
    report = swept(plan(tiny, trials=2))
    assert [trial.number for trial in report.trials] == [1]
    assert swept(plan(tiny, trials=2)).trials == []


def test_a_hopeless_trial_is_cut_short_and_is_never_the_best(tiny, monkeypatch):
    monkeypatch.setattr(
        tasks.trials, "_promise", lambda s: 1e9 if s.config.name.endswith("4") else 1.0
    )
    report = swept(plan(tiny, vary={}, trials=5))
    assert (report.complete, report.pruned) == (4, 1)
    assert report.trials[4].epochs == 1
    assert report.best != f"{tiny.name}-0004"


def test_without_anything_to_vary_every_trial_has_its_own_seed(tiny):
    swept(plan(tiny, vary={}, trials=2, pruner="none"))
    identities = {committed(f"{tiny.name}-000{i}").key for i in range(2)}
    assert len(identities) == 2


def test_a_trial_that_cannot_train_is_a_failure_and_not_the_end(tiny):
    # one attempt is not enough for a threshold that tight
    collect = tiny.collect.model_copy(update={"max_attempts": 1})
    strict = tiny.model_copy(update={"collect": collect})
    wanted = plan(strict, vary={"energy_threshold": "1e-7|1e-8"}, trials=2, pruner="none")
    with pytest.raises(UserError, match="No trial"):
        swept(wanted)
    assert {trial.state for trial in open_study(wanted).trials} == {TrialState.FAIL}


def test_another_space_is_refused_under_the_same_name(tiny):
    open_study(plan(tiny))
    open_study(plan(tiny, trials=9, workers=2))
    with pytest.raises(SweepChanged, match="began with other settings"):
        open_study(plan(tiny, vary={"seed": "1..9"}))


def test_violations_cost(tiny):
    row = {"case": "held-out-000", "rule": "x", "steps": 10, "violations": 0}
    rows = [row | {"steps_over_oracle": 2.0}, row | {"steps_over_oracle": 4.0, "rule": "oracle"}]
    assert objective(rows, "x", plan(tiny)) == 2.0
    rows[0]["violations"] = 1
    assert objective(rows, "x", plan(tiny, penalty=5)) == pytest.approx(3.0)
    assert json.dumps(rows)  # rows come from a JSON file
