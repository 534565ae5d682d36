"""The error in decades has a finite value and a gradient that always asks for the right thing."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import FIELD, binaries, equal_pair, numbers, random_bound

from aitimestepper.physics.gate import Gate
from aitimestepper.physics.state import System
from aitimestepper.training.losses import error_decades

GATE = Gate(FIELD, 2e-4)


def value_and_slope(system, dt):
    """Decades and their slope by log10 dt, each with shape (B,)."""
    log_dt = dt.log().requires_grad_()
    decades = error_decades(log_dt, GATE.start(system), GATE)
    (slope,) = torch.autograd.grad(decades.sum(), log_dt)
    return decades.detach(), slope * math.log(10)


def measured(system, dt):
    """The same decades straight from the gate."""
    return (GATE.attempt(GATE.start(system), dt).error / GATE.threshold).log10()


def test_value_is_the_error_over_the_threshold():
    system, revolution = binaries()
    decades, _ = value_and_slope(system, revolution / 50)
    torch.testing.assert_close(decades, measured(system, revolution / 50))


def test_slope_is_that_of_the_measured_error_where_it_is_regular():
    system = equal_pair(0.5, 1.0).repeat(5)
    dt, h = numbers(0.01, 0.03, 0.06, 0.1, 0.15), 1e-4
    _, slope = value_and_slope(system, dt)
    difference = measured(system, dt * math.exp(h)) - measured(system, dt * math.exp(-h))
    expected = difference / (2 * h) * math.log(10)
    assert ((expected > 1) & (expected < 8)).all()
    torch.testing.assert_close(slope, expected, rtol=1e-4, atol=0)


def test_short_steps_have_the_order_of_the_error_of_one_step():
    """A step of a second-order method errs with the third power of its length."""
    _, slope = value_and_slope(equal_pair(0.5, 1.0), numbers(2e-3))
    torch.testing.assert_close(slope, numbers(3.0), rtol=0.01, atol=0)


@given(exponent=st.floats(-14, 4), phase=st.floats(-math.pi, math.pi))
def test_longer_steps_never_look_better(exponent, phase):
    decades, slope = value_and_slope(equal_pair(0.8, phase), numbers(10**exponent))
    assert decades.isfinite().all()
    assert 1 - 1e-9 <= slope.item() <= 8 + 1e-9


def test_past_the_first_failure_the_slope_still_points_up():
    """From apocentre the true error falls with the step between 1.0 and 1.3."""
    apocentre, dt, h = equal_pair(0.5, math.pi), numbers(1.25), 1e-4
    one_probe = Gate(FIELD, 2e-4, probes=1)
    begin = one_probe.start(apocentre)
    assert one_probe.attempt(begin, dt + h).error < one_probe.attempt(begin, dt - h).error
    log_dt = dt.log().requires_grad_()
    error_decades(log_dt, begin, one_probe).backward()
    torch.testing.assert_close(log_dt.grad, numbers(1 / math.log(10)))


def test_step_without_any_error_counts_as_rounding():
    decades, slope = value_and_slope(equal_pair(0.5), numbers(1e-30))
    rounding = math.log10(torch.finfo(torch.float64).eps / 2e-4)
    torch.testing.assert_close(decades, numbers(rounding))
    torch.testing.assert_close(slope, numbers(1.0))


@pytest.mark.parametrize("log_dt", [400.0, 600.0, 800.0])
def test_exploded_step_is_bad_and_asks_for_a_shorter_one(log_dt):
    at = numbers(log_dt).requires_grad_()
    decades = error_decades(at, GATE.start(equal_pair(0.5)), GATE)
    assert torch.autograd.grad(decades.sum(), at)[0].item() == pytest.approx(8 / math.log(10))
    assert decades.item() == pytest.approx(6.0)


def test_exploded_step_does_not_touch_the_gradient_of_its_neighbours():
    system = random_bound(3, 2, 2)
    good = numbers(1e-3, 1e-3, 1e-3)
    _, alone = value_and_slope(system, good)
    broken = torch.stack([good[0], torch.full_like(good[1], torch.inf), good[2]])
    _, beside = value_and_slope(system, broken)
    assert torch.equal(alone[[0, 2]], beside[[0, 2]])


def test_coincident_bodies_give_numbers():
    good = random_bound(1, 2, 2)
    system = System(good.mass, torch.zeros_like(good.position), good.velocity, good.time)
    decades, slope = value_and_slope(system, numbers(1e-3))
    assert decades.isfinite().all()
    assert slope.isfinite().all()
