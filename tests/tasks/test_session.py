"""A session goes from commit to commit, and falls back on the last one when a phase fails."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

from aitimestepper.folders import RunFolder
from aitimestepper.settings import RunConfig
from aitimestepper.store import checkpoints
from aitimestepper.store.errors import StoreError, StoreLocked
from aitimestepper.store.trajectory import TrajectoryStore
from aitimestepper.tracking import TrackingUnavailable
from tasks import session as session_module
from tasks.session import OutOfStep, current, opened

pytestmark = pytest.mark.usefixtures("artifacts")


def weights(session):
    return {key: value.clone() for key, value in session.training.model.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[key], second[key]) for key in first)


def test_phases_alternate_and_start_where_the_last_one_ended(tiny):
    with opened(tiny) as session:
        collected = session.collect(1)
        generalized = session.generalize(1)
        assert generalized.parent == collected.commit
        assert session.place.model_dump() == {
            "epoch": 2,
            "phase": "collect",
            "parent": generalized.commit,
        }
        assert (collected.rows, generalized.rows) == (2, 2)


def test_phase_out_of_order_is_refused(tiny):
    with opened(tiny) as session, pytest.raises(OutOfStep, match="collect of epoch 1"):
        session.generalize(1)


def test_phase_that_is_committed_is_reported_not_repeated(tiny):
    with opened(tiny) as session:
        report = session.collect(1)
        before = weights(session)
        assert session.collect(1) == report
        assert session.store.last.rows == 2
        assert same(before, weights(session))
    with opened(tiny) as session:
        assert session.collect(1) == report


def test_failed_commit_leaves_no_trace_in_the_next_attempt(tiny, monkeypatch):
    def full(*_, **__):
        raise StoreError("no space left")

    with opened(tiny) as session:
        session.collect(1)
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "write", full)
            with pytest.raises(StoreError):
                session.generalize(1)
        session.generalize(1)
        broken = weights(session)
        identity = session.store.identity.partition("@")[2]
    with opened(tiny.model_copy(update={"name": "whole"})) as session:
        session.collect(1)
        session.generalize(1)
        assert same(weights(session), broken)
        assert session.store.identity.partition("@")[2] == identity


def test_reopened_run_holds_bit_for_bit_what_it_held(tiny):
    with opened(tiny) as session:
        session.collect(1)
        held = session.recorded.take(slice(None))
        before = weights(session)
    with opened(tiny) as session:
        assert same(weights(session), before)
        again = session.recorded.take(slice(None))
        assert torch.equal(again.inputs.features, held.inputs.features)
        assert torch.equal(again.inputs.log_scale, held.inputs.log_scale)
        assert torch.equal(again.begin.energy, held.begin.energy)
        assert torch.equal(again.begin.acceleration, held.begin.acceleration)


def test_one_checkpoint_stays_and_the_commit_names_it(tiny):
    with opened(tiny) as session:
        session.collect(1)
        session.generalize(1)
    folder = RunFolder("tiny")
    commit = TrajectoryStore.read_only(folder.store).commit
    assert [path.name for path in folder.checkpoints.iterdir()] == [commit.checkpoint]


def test_second_session_of_one_name_is_refused(tiny):
    with opened(tiny), pytest.raises(StoreLocked, match="tiny"), opened(tiny):
        pass


def test_task_alone_opens_the_run_with_the_settings_that_it_began_with(tiny):
    with opened(tiny) as session, current("tiny") as found:
        assert found is session
    with current("tiny") as alone:
        assert alone.config == tiny


@pytest.mark.parametrize(
    "changes",
    [
        {"history": {"length": 2}},
        {"history": {"length": 2}, "features": {"kind": "delta_mag"}},
        {"network": {"hidden": (8,), "dropout": 0.2, "fourier": 3}},
        {"optimizer": {"kind": "sgd", "momentum": 0.5, "weight_decay": 1e-3}},
        {"restart": {"periods": 0.1, "at_end": "stop"}, "history": {"length": 2}},
    ],
)
def test_interrupted_run_goes_on_bit_for_bit(tiny, changes):
    more = {"steps_per_epoch": 4, "restart": {"periods": 0.3}, **changes}
    config = RunConfig.model_validate({**tiny.model_dump(), **more})
    with opened(config) as session:
        for epoch in (1, 2, 3):
            session.collect(epoch)
            session.generalize(epoch)
        whole, rows = weights(session), session.store.identity.partition("@")[2]
    again = config.model_copy(update={"name": "again"})
    for epoch in (1, 2, 3):
        with opened(again) as session:
            session.collect(epoch)
        with opened(again) as session:
            session.generalize(epoch)
            assert session.store.last.rows > 0
    with opened(again) as session:
        assert same(weights(session), whole)
        assert session.store.identity.partition("@")[2] == rows


@pytest.fixture
def mlflow_away(monkeypatch):
    """A context in which MLflow does not answer."""

    def away(*_, **__):
        raise TrackingUnavailable("away")

    @contextmanager
    def gone():
        with monkeypatch.context() as patch:
            patch.setattr(session_module, "open_run", away)
            yield

    return gone


def test_new_run_is_refused_while_mlflow_is_away(tiny, mlflow_away):
    with mlflow_away(), pytest.raises(TrackingUnavailable), opened(tiny):
        raise AssertionError("it began")


def test_run_that_goes_on_reaches_mlflow_after_its_first_phase_and_loses_nothing(tiny, mlflow_away):
    with opened(tiny) as session:
        session.collect(1)
        session.generalize(1)
        run_id = session.run.run_id
    with opened(tiny) as session:
        assert (session.tracked, session.run_id) == (False, run_id)
        with mlflow_away():
            session.collect(2)
            session.generalize(2)
        assert (session.tracked, list(session.delivery.waiting)) == (False, [1, 2])
        session.finish()
        assert session.run.run_id == run_id
        steps = session.run.client.get_metric_history(run_id, "generalize/passing")
        assert [metric.step for metric in steps] == [1, 2]
