"""Exact motion keeps energy, momentum and angular momentum."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import FIELD, binaries, random_bound

from aitimestepper.physics.conserved import (
    angular_momentum,
    kinetic_energy,
    momentum,
    total_energy,
)
from aitimestepper.physics.kepler import propagate
from aitimestepper.physics.state import System

speed = st.floats(-100, 100)


def boosted(system, *velocity):
    boost = torch.tensor(velocity, dtype=torch.float64)
    return System(system.mass, system.position, system.velocity + boost, system.time)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("quantity", [total_energy, momentum, angular_momentum])
def test_exact_motion_keeps_it(quantity, dimensions):
    start, revolution = binaries(dimensions)
    end = propagate(boosted(start, *[0.3, -0.2, 0.5][:dimensions]), 7.3 * revolution)
    start = boosted(start, *[0.3, -0.2, 0.5][:dimensions])
    extra = (FIELD,) if quantity is total_energy else ()
    torch.testing.assert_close(
        quantity(end, *extra), quantity(start, *extra), rtol=1e-11, atol=1e-11
    )


@given(velocity=st.tuples(speed, speed, speed))
def test_kinetic_energy_is_the_same_from_a_moving_train(velocity):
    system = random_bound(3, 4, 3)
    torch.testing.assert_close(
        kinetic_energy(boosted(system, *velocity)), kinetic_energy(system), rtol=1e-9, atol=1e-9
    )


def test_kinetic_energy_of_a_centred_system_is_the_textbook_sum():
    system = random_bound(3, 5, 2)
    expected = (0.5 * system.mass * system.velocity.square().sum(-1)).sum(-1)
    torch.testing.assert_close(kinetic_energy(system), expected)


def test_total_energy_of_a_pair_is_that_of_its_semi_major_axis():
    system, _ = binaries()
    axis = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(total_energy(system, FIELD), -system.mass.prod(-1) / (2 * axis))


def test_momentum_grows_by_the_total_mass_times_the_boost():
    system = random_bound(3, 4, 2)
    expected = system.mass.sum(-1)[:, None] * torch.tensor([2.0, -3.0], dtype=torch.float64)
    torch.testing.assert_close(momentum(boosted(system, 2.0, -3.0)), expected)


def test_angular_momentum_in_a_plane_points_out_of_it():
    system = random_bound(3, 4, 2)
    x, v = system.position, system.velocity
    expected = (system.mass * (x[..., 0] * v[..., 1] - x[..., 1] * v[..., 0])).sum(-1)
    found = angular_momentum(system)
    torch.testing.assert_close(found[:, 2], expected)
    assert not found[:, :2].any()
