"""Every sample is trained with exactly the past that it was accepted with."""

import pytest
import torch

from aitimestepper.training.collect import Transition, collect
from aitimestepper.training.recorded import Recorded

EVERY_KIND = pytest.mark.parametrize("kind", ["dimensionless", "basic", "rich", "delta_mag"])
LENGTH = 3


def transitions(training, steps):
    return [e for e in collect(training, steps=steps) if isinstance(e, Transition)]


@pytest.fixture
def training(start):
    """A training whose orbits restart every few steps."""
    return start(count=4, length=LENGTH, periods=0.3, threshold=5e-3)


def test_orbits_really_restart_in_these_tests(training):
    seen = transitions(training, 30)
    assert sum(int(t.fresh.sum()) for t in seen[1:]) > 4


def test_warm_up_ends_after_as_many_steps_as_the_history_is_long(training):
    age = torch.zeros(4, dtype=torch.long)
    for transition in transitions(training, 30):
        age = torch.where(transition.fresh, 0, age + 1)
        assert torch.equal(transition.warm, age < LENGTH)


def test_no_window_reaches_across_a_restart(training):
    for t in transitions(training, 30):
        shown = t.samples.inputs.features.unflatten(1, (LENGTH + 1, -1))
        assert shown[:, 0].any(-1).all()
        assert not shown[t.fresh, 1:].any()


@EVERY_KIND
def test_past_of_a_sample_is_what_the_orbit_went_through(start, kind):
    training = start(count=4, length=LENGTH, kind=kind, threshold=5e-3)
    model, seen = training.model, transitions(training, LENGTH + 2)
    observed = [model.features.observe(t.samples.begin.system) for t in reversed(seen)]
    entries = model.features.entries(torch.stack(observed[: LENGTH + 1], 1), 2)
    expected = ((entries - model.centre) / model.spread).flatten(1)
    assert torch.equal(seen[-1].samples.inputs.features, expected)


def test_warm_up_serves_until_real_samples_come(training):
    recorded, live = Recorded(), []
    for transition in transitions(training, 12):
        recorded.append(transition.samples, transition.warm)
        live.append(transition)
        real = sum(int((~t.warm).sum()) for t in live)
        assert len(recorded) == (real or 4 * len(live))
    assert real


def test_only_samples_with_all_their_past_are_left(training):
    recorded, kept = Recorded(), []
    for transition in transitions(training, 12):
        recorded.append(transition.samples, transition.warm)
        kept.append(transition.samples.inputs.features[~transition.warm])
    assert torch.equal(recorded.take(slice(None)).inputs.features, torch.cat(kept))


def test_saved_training_goes_on_with_its_past(start):
    options = {"count": 4, "length": LENGTH, "threshold": 5e-3}
    one, two = start(**options), start(seed=5, **options)
    transitions(one, 2)
    two.load_state_dict(one.state_dict())
    for a, b in zip(transitions(one, 3), transitions(two, 3), strict=True):
        assert torch.equal(a.samples.inputs.features, b.samples.inputs.features)
        assert torch.equal(a.dt, b.dt)
