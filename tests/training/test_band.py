"""The band loss is zero inside its band and the squared distance in decades outside."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from problems import numbers

from aitimestepper.training.losses import Band

BAND = Band(lower=0.5, upper=0.8, overshoot=10.0)


@given(st.floats(0.5, 0.8))
def test_inside_the_band_neither_loss_nor_gradient(ratio):
    decades = numbers(math.log10(ratio)).requires_grad_()
    loss = BAND(decades)
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-30)
    assert decades.grad.item() == pytest.approx(0.0, abs=1e-14)


def test_a_decade_too_small_costs_one_and_a_decade_too_large_the_overshoot():
    torch.testing.assert_close(BAND(numbers(0.05, 8.0, 0.005).log10()), numbers(1.0, 10.0, 4.0))


@given(st.floats(-6, 6))
def test_gradient_is_the_slope_of_the_loss(decades):
    at, h = numbers(decades).requires_grad_(), 1e-5
    BAND(at).backward()
    slope = (BAND(numbers(decades + h)) - BAND(numbers(decades - h))) / (2 * h)
    torch.testing.assert_close(at.grad, slope, atol=2e-4, rtol=1e-6)


def test_gradient_points_towards_the_band_from_both_sides():
    decades = numbers(-3.0, 2.0).requires_grad_()
    BAND(decades).sum().backward()
    assert decades.grad[0] < 0 < decades.grad[1]
