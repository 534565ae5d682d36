"""A sampler draws orbits from the ranges it was given."""

import math

import pytest
import torch

from aitimestepper.physics.initial_conditions import KeplerOrbits
from aitimestepper.physics.kepler import propagate

COUNT = 2000
SAMPLER = {"eccentricity": (0.2, 0.7), "semi_major_axis": (0.5, 2.0), "mass_ratio": (0.1, 0.8)}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(dimensions=2, seed=0, **changes):
    generator = seeded(seed)
    sampler = KeplerOrbits(**{**SAMPLER, "dimensions": dimensions, **changes})
    return sampler.draw(sampler.masses(COUNT, generator), generator)


def recovered(system):
    """Semi-major axis and eccentricity from the state: vis-viva and the eccentricity vector."""
    mass = system.mass.sum(-1)
    x, v = system.position.diff(dim=1)[:, 0], system.velocity.diff(dim=1)[:, 0]
    r = x.norm(dim=-1)
    axis = 1 / (2 / r - v.square().sum(-1) / mass)
    pull = (v.square().sum(-1) - mass / r)[:, None] * x - (x * v).sum(-1)[:, None] * v
    return axis, (pull / mass[:, None]).norm(dim=-1)


def fills(values, low, high):
    """Whether values lie in a range and reach within 2 % of both ends."""
    reach = 0.02 * (high - low)
    inside = (values >= low - 1e-9).all() and (values <= high + 1e-9).all()
    return bool(inside and values.min() < low + reach and values.max() > high - reach)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_elements_of_the_states_fill_their_ranges(dimensions):
    axis, eccentricity = recovered(draw(dimensions).system)
    assert fills(axis, 0.5, 2.0)
    assert fills(eccentricity, 0.2, 0.7)


def test_masses_fill_the_range_of_ratios_and_keep_their_sum():
    mass = KeplerOrbits(**SAMPLER, total_mass=3.0).masses(COUNT, seeded())
    assert fills(mass[:, 1] / mass[:, 0], 0.1, 0.8)
    torch.testing.assert_close(mass.sum(-1), torch.full_like(mass[:, 0], 3.0))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_orbits_close_after_their_period(dimensions):
    initial = draw(dimensions)
    end = propagate(initial.system, initial.period)
    torch.testing.assert_close(end.position, initial.system.position, atol=1e-9, rtol=0)
    half = propagate(initial.system, initial.period / 2)
    assert ((half.position - initial.system.position).norm(dim=(1, 2)) > 1e-2).all()


def test_draw_keeps_the_masses_it_is_given():
    sampler, generator = KeplerOrbits(**SAMPLER), seeded()
    mass = sampler.masses(5, generator)
    assert torch.equal(sampler.draw(mass, generator).system.mass, mass)


def test_phases_are_uniform_in_time():
    """Half of the orbits are met beyond the end of the minor axis or later: |M| above pi / 2."""
    initial = draw(eccentricity=(0.5, 0.5))
    axis, _ = recovered(initial.system)
    r = initial.system.position.diff(dim=1)[:, 0].norm(dim=-1)
    anomaly = torch.acos(((1 - r / axis) / 0.5).clamp(-1, 1))
    phase = (anomaly - 0.5 * anomaly.sin()) / math.pi
    # Kolmogorov-Smirnov distance from uniform; 1.95 / sqrt(n) has a probability of 1e-3.
    rank = torch.arange(1, COUNT + 1, dtype=torch.float64) / COUNT
    assert (phase.sort().values - rank).abs().max() < 1.95 / math.sqrt(COUNT)


def test_orbits_in_space_are_inclined_evenly():
    system = draw(dimensions=3).system
    x, v = system.position.diff(dim=1)[:, 0], system.velocity.diff(dim=1)[:, 0]
    normal = torch.linalg.cross(x, v)
    cosine = (normal[:, 2] / normal.norm(dim=-1)).sort().values
    rank = 2 * torch.arange(1, COUNT + 1, dtype=torch.float64) / COUNT - 1
    assert (cosine - rank).abs().max() < 2 * 1.95 / math.sqrt(COUNT)


def test_same_seed_draws_the_same_bits():
    one, two = draw(seed=7), draw(seed=7)
    assert all(map(torch.equal, one.system, two.system))
    assert torch.equal(one.period, two.period)


def test_another_seed_draws_other_orbits():
    assert not torch.equal(draw(seed=7).system.position, draw(seed=8).system.position)


def test_drawing_leaves_the_global_randomness_alone():
    before = torch.get_rng_state()
    draw()
    assert torch.equal(torch.get_rng_state(), before)
