"""An orbit begins anew after its time, with the same masses and a new clock."""

import pytest
import torch
from learners import learner

from aitimestepper.physics.initial_conditions import KeplerOrbits
from aitimestepper.physics.kepler import propagate
from aitimestepper.physics.state import System
from aitimestepper.training.orbits import Orbits

COUNT = 8


def orbits_of(*, seed=0, periods=2.0, dtype=torch.float64, count=COUNT):
    generator = torch.Generator().manual_seed(seed)
    model = learner(dtype=dtype)
    return Orbits(KeplerOrbits(), count, generator, model, periods=periods)


def periods_of(system):
    """From vis-viva and Kepler's third law."""
    mass = system.mass.sum(-1)
    x, v = system.position.diff(dim=1)[:, 0], system.velocity.diff(dim=1)[:, 0]
    axis = 1 / (2 / x.norm(dim=-1) - v.square().sum(-1) / mass)
    return 2 * torch.pi * (axis**3 / mass).sqrt()


def go(orbits, share):
    """Advance by a share (B,) of each period along the exact motion; return the states reached."""
    reached = propagate(orbits.system, share * periods_of(orbits.system))
    orbits.advance(reached, torch.ones_like(share, dtype=torch.bool))
    return reached


def test_every_orbit_begins_fresh_at_time_zero():
    orbits = orbits_of()
    assert orbits.fresh.all()
    assert not orbits.system.time.any()


def test_young_orbits_go_on_where_they_are():
    orbits = orbits_of()
    reached = go(orbits, torch.full((COUNT,), 1.9, dtype=torch.float64))
    assert all(map(torch.equal, orbits.system, reached))
    assert not orbits.fresh.any()


def test_only_old_orbits_begin_anew():
    orbits = orbits_of()
    old = torch.arange(COUNT) % 3 == 0
    reached = go(orbits, torch.where(old, 2.01, 1.99).double())
    assert torch.equal(orbits.fresh, old)
    assert all(map(torch.equal, orbits.system[~old], reached[~old]))
    assert (orbits.system.position[old] != reached.position[old]).all()


@pytest.mark.parametrize("periods", [0.5, 3.0])
def test_age_is_counted_in_periods_of_the_orbit_itself(periods):
    orbits = orbits_of(periods=periods)
    go(orbits, torch.full((COUNT,), 0.99 * periods, dtype=torch.float64))
    assert not orbits.fresh.any()
    go(orbits, torch.full((COUNT,), 0.02 * periods, dtype=torch.float64))
    assert orbits.fresh.all()


def test_second_life_lasts_as_many_periods_of_the_new_orbit():
    orbits = orbits_of()
    go(orbits, torch.full((COUNT,), 2.5, dtype=torch.float64))
    go(orbits, torch.full((COUNT,), 1.99, dtype=torch.float64))
    assert not orbits.fresh.any()
    go(orbits, torch.full((COUNT,), 0.02, dtype=torch.float64))
    assert orbits.fresh.all()


def test_masses_stay_and_the_clock_restarts():
    orbits = orbits_of()
    mass = orbits.system.mass.clone()
    for _ in range(3):
        go(orbits, torch.full((COUNT,), 2.5, dtype=torch.float64))
        assert torch.equal(orbits.system.mass, mass)
        assert not orbits.system.time.any()


def test_orbit_that_is_no_longer_bound_begins_anew():
    orbits = orbits_of()
    bound = torch.arange(COUNT) != 2
    orbits.advance(orbits.system, bound)
    assert torch.equal(orbits.fresh, ~bound)


def test_every_restart_is_another_orbit():
    orbits, seen = orbits_of(count=1), set()
    for _ in range(5):
        seen.add(orbits.system.position[0, 0, 0].item())
        go(orbits, torch.full((1,), 2.5, dtype=torch.float64))
    assert len(seen) == 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_orbits_live_in_the_precision_asked_for(dtype):
    orbits = orbits_of(dtype=dtype)
    orbits.advance(orbits.system, torch.zeros(COUNT, dtype=torch.bool))
    assert all(tensor.dtype == dtype for tensor in orbits.system)


def test_restored_orbits_go_on_bit_for_bit():
    one, two = orbits_of(seed=1), orbits_of(seed=2)
    share = torch.linspace(0.5, 2.5, COUNT, dtype=torch.float64)
    go(one, share)
    two.load_state_dict(one.state_dict())
    two._generator.set_state(one._generator.get_state())
    for _ in range(3):
        go(one, share)
        go(two, share)
        assert all(map(torch.equal, one.system, two.system))
        assert torch.equal(one.fresh, two.fresh)


def test_new_states_do_not_change_what_was_handed_out():
    orbits = orbits_of()
    before = orbits.system
    copy = System(*(tensor.clone() for tensor in before))
    go(orbits, torch.full((COUNT,), 2.5, dtype=torch.float64))
    assert all(map(torch.equal, before, copy))
