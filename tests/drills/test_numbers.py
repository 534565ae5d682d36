"""No number that is not finite reaches a weight, the store or a metric."""

from __future__ import annotations

import math
import sqlite3

import pytest
import torch

from aitimestepper.errors import UserError
from aitimestepper.store import checkpoints
from aitimestepper.store.trajectory import TrajectoryStore
from aitimestepper.training.errors import TrainingDiverged
from aitimestepper.training.optimiser import Optimiser
from tasks.session import opened


@pytest.fixture
def spoilt(monkeypatch):
    """Let some updates have a gradient that is not finite."""
    real = Optimiser.update

    def spoil(which):
        count = [0]

        def update(self, loss):
            count[0] += 1
            poison = math.nan * sum(weight.sum() for weight in self._parameters)
            real(self, loss + poison if which(count[0]) else loss)

        monkeypatch.setattr(Optimiser, "update", update)
        return count

    return spoil


def judged(session, artifacts):
    """Everything on disk, every number of it finite: the commit and how many numbers."""
    recorded = TrajectoryStore.load(session.store.path)
    commit = recorded.commit
    path = session.folder.checkpoints / commit.checkpoint
    weights = checkpoints.read(path, commit.checkpoint_sha256)["model"].values()
    with sqlite3.connect(artifacts / "mlflow" / "mlflow.db") as database:
        metrics = database.execute("SELECT value, is_nan FROM metrics").fetchall()
    database.close()
    assert all(bool(weight.isfinite().all()) for weight in weights)
    assert all(torch.from_numpy(array * 1.0).isfinite().all() for array in recorded.rows)
    assert all(math.isfinite(value) and not is_nan for value, is_nan in metrics)
    rows = sum(array.size for array in recorded.rows)
    return commit, rows + sum(weight.numel() for weight in weights) + len(metrics)


def changed(config, section, **values):
    """The settings with some of a section changed."""
    inner = getattr(config, section).model_copy(update=values)
    return config.model_copy(update={section: inner})


def test_gradients_that_are_not_finite(tiny, artifacts, spoilt, told):
    busy = changed(tiny, "generalize", min_iterations=150)
    with opened(busy) as session:
        count = spoilt(lambda number: number % 3 == 0)
        for epoch in (1, 2):
            session.collect(epoch)
            session.generalize(epoch)
        skipped, tried = session.training.optimiser.skipped, count[0]
        assert skipped == tried // 3 > 0
        session.collect(3)
        before, numbers = judged(session, artifacts)
        spoilt(lambda _: True)
        with pytest.raises(TrainingDiverged, match="the last commit stands"):
            session.generalize(3)
        assert judged(session, artifacts)[0] == before
    told(
        "gradients that are not finite",
        f"{skipped} of {tried} updates spoilt: skipped, counted, {numbers} numbers on disk all "
        "finite; 100 in a row: a clear error, the last commit stands",
    )


@pytest.mark.parametrize("rate", [1e10, 1e300])
def test_learning_rate_beyond_all_measure(tiny, artifacts, told, rate):
    """Whatever comes of it, what is committed is finite."""
    said = "trained"
    wild = changed(tiny, "optimizer", learning_rate=rate)
    wild = changed(changed(wild, "collect", max_attempts=200), "generalize", max_iterations=200)
    with opened(wild) as session:
        try:
            for epoch in (1, 2, 3):
                session.collect(epoch)
                session.generalize(epoch)
        except UserError as error:
            said = f"{type(error).__name__}: {error}"[:70]
        stands = session.store.read_only(session.store.path).commit
        if stands.checkpoint:
            judged(session, artifacts)
    told(f"learning rate {rate:g}", f"{said}; stands at epoch {stands.epoch}, all finite")
