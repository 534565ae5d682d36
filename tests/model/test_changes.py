"""Changes are the magnitudes of what happened between one state and the next."""

import pytest
import torch
from learners import learner
from problems import FIELD, random_bound

from aitimestepper.model.features import Changes
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.state import System, centre

FEATURES = Changes(FIELD)


def path(count, bodies=3, dimensions=2):
    """States of two systems that follow each other in steps of unequal length, oldest first."""
    states = [random_bound(2, bodies, dimensions, seed=7)]
    for k in range(count - 1):
        dt = torch.tensor([0.01, 0.02]).double() * (k + 1)
        states.append(leapfrog(states[-1], dt, FIELD).system)
    return states


def change(before, after):
    """The magnitudes of one change, from their definition."""
    one, two = centre(before), centre(after)
    differences = (
        two.position - one.position,
        two.velocity - one.velocity,
        FIELD.acceleration(after) - FIELD.acceleration(before),
    )
    dt = (after.time - before.time)[:, None]
    return torch.cat([*(d.norm(dim=-1) for d in differences), dt], -1)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_entries_are_magnitudes_of_change_newest_first(dimensions):
    states = path(3, dimensions=dimensions)
    seen = torch.stack([FEATURES.observe(state) for state in reversed(states)], 1)
    entries = FEATURES.entries(seen, bodies=3).sinh()
    expected = torch.stack([change(states[1], states[2]), change(states[0], states[1])], 1)
    torch.testing.assert_close(entries, expected, rtol=1e-9, atol=1e-12)
    assert entries.shape[-1] == FEATURES.size(3)


def test_boost_and_rotation_change_nothing():
    states = path(2)
    turn = torch.tensor([[0.6, 0.8], [-0.8, 0.6]]).double()

    def moved(s):
        at = s.time[:, None, None]
        return System(s.mass, s.position @ turn + 3.0 * at + 1, s.velocity @ turn + 3.0, s.time)

    seen = torch.stack([FEATURES.observe(s) for s in reversed(states)], 1)
    again = torch.stack([FEATURES.observe(moved(s)) for s in reversed(states)], 1)
    torch.testing.assert_close(FEATURES.entries(again, 3), FEATURES.entries(seen, 3))


def test_without_a_past_the_network_sees_zeros():
    model, system = learner(kind="delta_mag", length=2, bodies=3), random_bound(4, 3, 2)
    assert not model.inputs(system).features.any()
    assert model(system).isfinite().all()
