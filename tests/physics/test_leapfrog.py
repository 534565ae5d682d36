"""The leapfrog is a second-order, reversible map that treats every system on its own."""

import pytest
import torch
from problems import FIELD, binaries, figure_eight, random_bound

from aitimestepper.physics.conserved import angular_momentum, momentum
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.kepler import propagate


def integrate(system, duration, steps):
    acceleration = None
    for _ in range(steps):
        system, acceleration = leapfrog(system, duration / steps, FIELD, acceleration)
    return system


@pytest.mark.parametrize("dimensions", [2, 3])
def test_error_falls_with_the_second_power_of_the_step(dimensions):
    start, revolution = binaries(dimensions)
    truth = propagate(start, 0.7 * revolution)
    errors = torch.stack(
        [
            (integrate(start, 0.7 * revolution, steps).position - truth.position).norm(dim=(1, 2))
            for steps in (700, 1400)
        ]
    )
    order = (errors[0] / errors[1]).log2()
    torch.testing.assert_close(order, torch.full_like(order, 2.0), atol=0.02, rtol=0)


@pytest.mark.parametrize("system", [binaries(3)[0], figure_eight(), random_bound(4, 5, 3)])
def test_steps_back_undo_steps_forward(system):
    dt = torch.full_like(system.time, 1e-3)
    end = integrate(system, 100 * dt, 100)
    assert (end.position - system.position).abs().max() > 1e-3
    back = integrate(end, -100 * dt, 100)
    for one, two in zip(back, system, strict=True):
        torch.testing.assert_close(one, two, atol=1e-12, rtol=1e-12)


def test_momentum_and_angular_momentum_stay_to_rounding_at_any_step():
    start = random_bound(8, 4, 3)
    end = integrate(start, torch.full_like(start.time, 2.0), 20)
    torch.testing.assert_close(momentum(end), momentum(start), atol=1e-12, rtol=0)
    torch.testing.assert_close(angular_momentum(end), angular_momentum(start), atol=1e-12, rtol=0)


def test_every_clock_advances_by_its_own_step():
    start, revolution = binaries()
    assert torch.equal(leapfrog(start, revolution / 9, FIELD).system.time, revolution / 9)


def test_acceleration_it_returns_is_that_of_the_new_state():
    start, revolution = binaries()
    step = leapfrog(start, revolution / 100, FIELD)
    assert torch.equal(step.acceleration, FIELD.acceleration(step.system))


def test_acceleration_handed_on_changes_no_bit():
    start, revolution = binaries()
    handed = leapfrog(start, revolution / 100, FIELD, FIELD.acceleration(start))
    assert all(map(torch.equal, handed.system, leapfrog(start, revolution / 100, FIELD).system))


@pytest.mark.parametrize("bodies", [2, 3, 5])
def test_every_system_moves_alone_as_in_company(bodies):
    start = random_bound(4, bodies, 3)
    dt = torch.linspace(0.01, 0.1, 4, dtype=torch.float64)
    together = leapfrog(start, dt, FIELD).system
    for b in range(4):
        row = slice(b, b + 1)
        assert all(map(torch.equal, leapfrog(start[row], dt[row], FIELD).system, together[row]))


def test_system_that_blows_up_leaves_its_neighbours_alone():
    start, revolution = binaries()
    dt = revolution / 100
    broken = torch.stack([dt[0], torch.full_like(dt[1], torch.nan), dt[2]])
    good, bad = leapfrog(start, dt, FIELD).system, leapfrog(start, broken, FIELD).system
    assert torch.equal(good.position[[0, 2]], bad.position[[0, 2]])


def test_step_does_not_touch_the_state_it_starts_from():
    start, revolution = binaries()
    before = [tensor.clone() for tensor in start]
    leapfrog(start, revolution / 10, FIELD)
    assert all(map(torch.equal, start, before))
