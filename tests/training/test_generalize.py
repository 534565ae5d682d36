"""Phase 2 ends only when a full sweep finds every recorded sample passing."""

import pytest
import torch
from learners import seen

from aitimestepper.training.collect import Transition, collect
from aitimestepper.training.errors import IterationsExhausted
from aitimestepper.training.generalize import generalize
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.samples import judge

OPTIONS = {"batch_size": 32, "failing_size": 16, "sweep_every": 5, "min_iterations": 5}


def collected(training, steps=10):
    recorded = Recorded()
    for event in collect(training, steps=steps):
        if isinstance(event, Transition):
            recorded.append(event.samples)
    return recorded


@pytest.fixture
def failing(start):
    """A training under whose model some recorded samples pass and some fail."""
    training, recorded = start(eta_start=0.15), collected(start(eta_start=0.05))
    trial = judge(recorded.take(slice(None)), training.model, training.gate)
    passed = training.gate.passes(trial)
    assert passed.any()
    assert not passed.all()
    return training, recorded


def test_last_sweep_finds_nothing_failing_and_a_fresh_judge_agrees(failing):
    training, recorded = failing
    sweeps = list(generalize(training, recorded, **OPTIONS))
    assert sweeps[0].failing > 0
    assert sweeps[-1].failing == 0
    assert sweeps[-1].worst <= 1
    states = recorded.take(slice(None)).begin.system
    with torch.no_grad():
        trial = training.gate.attempt(training.gate.start(states), training.model(states))
    assert training.gate.passes(trial).all()


def test_sweep_counts_what_a_fresh_judge_counts(failing):
    training, recorded = failing
    sweep = next(generalize(training, recorded, **OPTIONS))
    samples = seen(recorded.take(slice(None)).begin.system, training)
    trial = judge(samples, training.model, training.gate)
    ratio = trial.error / training.gate.threshold
    assert sweep.rows == len(recorded)
    assert sweep.failing == (ratio > 1).sum()
    assert sweep.worst == pytest.approx(ratio.max().item())
    assert sweep.median == pytest.approx(ratio.median().item())


def test_sweep_in_chunks_is_the_sweep_in_one(failing, monkeypatch):
    training, recorded = failing
    whole = next(generalize(training, recorded, **OPTIONS))
    monkeypatch.setattr("aitimestepper.training.generalize._CHUNK", 7)
    chunked = next(generalize(training, recorded, **OPTIONS))
    assert chunked == pytest.approx(whole)


@pytest.mark.parametrize(("least", "every", "expected"), [(7, 7, 7), (10, 4, 12), (1, 3, 3)])
def test_phase_trains_at_least_once_although_everything_passes(start, least, every, expected):
    training = start(eta_start=1e-3)
    recorded = collected(training, steps=2)
    options = {**OPTIONS, "min_iterations": least, "sweep_every": every}
    sweeps = list(generalize(training, recorded, **options))
    assert sweeps[0].failing == 0
    assert training.optimiser.updates == sweeps[-1].iterations == expected


def test_every_sweep_but_the_last_is_followed_by_training(failing):
    training, recorded = failing
    iterations = [sweep.iterations for sweep in generalize(training, recorded, **OPTIONS)]
    assert iterations == list(range(0, 5 * len(iterations), 5))


def test_cap_ends_the_phase_and_names_its_option(failing, monkeypatch):
    (training, recorded), updates = failing, []
    monkeypatch.setattr(type(training), "update", lambda *_: updates.append(1))
    with pytest.raises(IterationsExhausted, match=r"--generalize\.max-iterations"):
        list(generalize(training, recorded, **OPTIONS, max_iterations=10))
    assert len(updates) == 10


def test_minibatches_are_a_uniform_part_and_one_of_what_failed(failing, monkeypatch):
    training, recorded = failing
    trial = judge(recorded.take(slice(None)), training.model, training.gate)
    failed = set((~training.gate.passes(trial)).nonzero()[:, 0].tolist())
    drawn = []
    take = Recorded.take

    def watch(self, rows):
        drawn.append(rows)
        return take(self, rows)

    monkeypatch.setattr(Recorded, "take", watch)
    sweeps = generalize(training, recorded, **{**OPTIONS, "batch_size": 2000})
    next(sweeps)
    drawn.clear()
    next(sweeps)
    for rows in drawn[:5]:
        assert len(rows) == 2016
        assert set(rows[2000:].tolist()) <= failed
        share = torch.bincount(rows[:2000], minlength=len(recorded)) / 2000
        assert (share > 0).all()
        assert share.max() < 3 / len(recorded)


def test_uniform_part_alone_is_enough(failing):
    training, recorded = failing
    sweeps = list(generalize(training, recorded, **{**OPTIONS, "failing_size": 0}))
    assert sweeps[-1].failing == 0


def test_margin_holds_every_recorded_sample_below_its_share_of_the_threshold(failing):
    training, recorded = failing
    sweeps = list(generalize(training, recorded, **OPTIONS, margin=0.95))
    ratio = judge(recorded.take(slice(None)), training.model, training.gate).error
    assert sweeps[-1].worst <= 0.95
    assert (ratio <= 0.95 * training.gate.threshold).all()


def test_samples_within_the_margin_count_as_failing(failing):
    training, recorded = failing
    error = judge(recorded.take(slice(None)), training.model, training.gate).error
    sweep = next(generalize(training, recorded, **OPTIONS, margin=0.5))
    assert sweep.failing == (error > 0.5 * training.gate.threshold).sum()
