"""An orbit that stops leaves the others alone, and takes no step any more."""

import pytest
import torch

from aitimestepper.training.collect import Transition, collect


@pytest.fixture
def training(start):
    """Orbits that stop after a sixth of their periods, which differ."""
    return start(count=5, periods=0.15, at_end="stop", threshold=5e-3)


def transitions(training, steps):
    return [e for e in collect(training, steps=steps) if isinstance(e, Transition)]


def test_orbits_stop_one_by_one_and_then_nothing_is_collected(training):
    running = [int(t.running.sum()) for t in transitions(training, 200)]
    assert running[0] == 5
    assert running == sorted(running, reverse=True)
    assert len(set(running)) > 2
    assert len(running) < 200
    assert transitions(training, 3) == []


def test_stopped_orbit_stands_still_and_counts_no_attempts(training):
    seen = transitions(training, 200)
    for before, after in zip(seen, seen[1:], strict=False):
        out = ~before.running
        assert not after.running[out].any()
        for one, two in zip(before.samples.begin.system, after.samples.begin.system, strict=True):
            assert torch.equal(one[out], two[out])
        assert not after.dt[out].any()
        assert not after.attempts[out].any()
        assert (after.dt[after.running] > 0).all()


def test_running_orbits_go_on_as_if_nobody_had_stopped(start):
    options = {"count": 5, "threshold": 5e-3, "eta_start": 0.05}
    stopping = start(periods=0.15, at_end="stop", **options)
    going = start(periods=1e3, **options)
    for one, two in zip(transitions(stopping, 40), transitions(going, 40), strict=False):
        rows = one.running
        assert torch.equal(one.dt[rows], two.dt[rows])
