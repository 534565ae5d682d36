"""Each part of the loss has the gradient of a difference quotient, and stays finite."""

import pytest
import torch
from problems import FIELD, binaries, equal_pair, random_bound

from aitimestepper.physics.gate import Gate
from aitimestepper.physics.integrators import Step, leapfrog
from aitimestepper.physics.state import System
from aitimestepper.training.losses import (
    Band,
    StepLoss,
    angular_momentum_error,
    momentum_error,
)

BAND = Band(lower=0.1, upper=0.2, overshoot=3.0)
ENERGY = StepLoss(BAND)
MOMENTUM = StepLoss(BAND, momentum_weight=2.0, momentum_threshold=1e-3)
ANGULAR = StepLoss(BAND, angular_momentum_weight=2.0, angular_momentum_threshold=1e-3)
EVERY = pytest.mark.parametrize("loss", [ENERGY, MOMENTUM, ANGULAR])


def euler(system, dt, field, acceleration=None):
    """Forward Euler with a push that grows with the step: it conserves nothing."""
    start = field.acceleration(system) if acceleration is None else acceleration
    h = dt[:, None, None]
    position, time = system.position + h * system.velocity, system.time + dt
    push = h.square() * torch.ones_like(start)
    velocity = system.velocity + h * start + push
    end = System(system.mass, position, velocity, time)
    return Step(end, field.acceleration(end))


GATE = Gate(FIELD, 1e-3, integrator=euler)


def value(loss, log_dt, begin, gate=GATE):
    return loss(log_dt, begin, gate)


@EVERY
@pytest.mark.parametrize("log_dt", [-6.0, -3.0])
def test_gradient_is_the_difference_quotient(loss, log_dt):
    begin = GATE.start(binaries()[0])
    at = torch.full((3,), log_dt, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(value(loss, at, begin).sum(), at)
    h = 1e-5
    quotient = (value(loss, at + h, begin) - value(loss, at - h, begin)) / (2 * h)
    torch.testing.assert_close(slope, quotient.detach(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("loss", [MOMENTUM, ANGULAR])
def test_momenta_add_to_the_loss_of_energy(loss):
    begin = GATE.start(random_bound(6, 3, 2, seed=3))
    at = torch.full((6,), -2.0, dtype=torch.float64)
    assert (value(loss, at, begin) > value(ENERGY, at, begin)).all()


@pytest.mark.parametrize("loss", [MOMENTUM, ANGULAR])
def test_momenta_that_are_conserved_ask_for_nothing(loss):
    gate = Gate(FIELD, 1e-3, integrator=leapfrog)
    begin = gate.start(equal_pair(0.5))
    at = torch.full((1,), -3.0, dtype=torch.float64)
    assert torch.equal(loss(at, begin, gate), ENERGY(at, begin, gate))


@EVERY
def test_zero_error_gives_a_finite_loss_and_gradient(loss):
    begin = GATE.start(random_bound(3, 3, 2))
    at = torch.full((3,), -80.0, dtype=torch.float64, requires_grad=True)
    total = value(loss, at, begin).sum()
    (slope,) = torch.autograd.grad(total, at)
    assert total.isfinite()
    assert slope.isfinite().all()


@EVERY
@pytest.mark.parametrize("log_dt", [300.0, 800.0])
def test_exploded_step_gives_a_finite_loss_that_asks_for_a_shorter_one(loss, log_dt):
    begin = GATE.start(random_bound(3, 3, 2))
    at = torch.full((3,), log_dt, dtype=torch.float64, requires_grad=True)
    total = value(loss, at, begin).sum()
    (slope,) = torch.autograd.grad(total, at)
    assert total.isfinite()
    assert (slope > 0).all()
    assert slope.isfinite().all()


def test_errors_are_relative_to_the_motion_inside():
    system = random_bound(2, 3, 2)
    push = torch.tensor([0.3, -0.4]).double()
    pushed = System(system.mass, system.position, system.velocity + push, system.time)
    inside = (system.mass * system.velocity.norm(dim=-1)).sum(-1)
    expected = 0.5 * system.mass.sum(-1) / inside
    torch.testing.assert_close(momentum_error(system, pushed), expected)
    torch.testing.assert_close(
        angular_momentum_error(system, pushed), torch.zeros(2).double(), atol=1e-12, rtol=0
    )
    faster = System(system.mass, system.position, 1.5 * system.velocity, system.time)
    lever = system.position.norm(dim=-1) * system.velocity.norm(dim=-1)
    x, v = system.position, system.velocity
    spin = (system.mass * (x[..., 0] * v[..., 1] - x[..., 1] * v[..., 0])).sum(-1)
    torch.testing.assert_close(
        angular_momentum_error(system, faster), 0.5 * spin.abs() / (system.mass * lever).sum(-1)
    )
