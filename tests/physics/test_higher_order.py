"""Integrators of fourth order are of that order, and cost what they say."""

import pytest
import torch
from problems import FIELD, binaries, figure_eight, numbers

from aitimestepper.physics.combined import Counted
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.higher_order import (
    INTEGRATORS,
    Substeps,
    blanes_moan4,
    hermite4,
    yoshida4,
)
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.kepler import propagate

EVERY = pytest.mark.parametrize("name", sorted(INTEGRATORS))
ORDERS = {"leapfrog": 2, "yoshida4": 4, "blanes_moan4": 4, "hermite4": 4}
COSTS = {"leapfrog": 1, "yoshida4": 3, "blanes_moan4": 6, "hermite4": 2}


def follow(integrator, system, duration, steps):
    step = integrator(system, duration / steps, FIELD)
    for _ in range(steps - 1):
        step = integrator(step.system, duration / steps, FIELD, step.acceleration)
    return step.system


@EVERY
@pytest.mark.parametrize("dimensions", [2, 3])
def test_order_on_kepler_orbits(name, dimensions):
    system, period = binaries(dimensions)
    duration, exact = 0.3 * period, propagate(system, 0.3 * period)
    misses = [
        (follow(INTEGRATORS[name], system, duration, n).position - exact.position).norm(dim=(1, 2))
        for n in (50, 100)
    ]
    order = (misses[0] / misses[1]).log2()
    torch.testing.assert_close(order, torch.full_like(order, ORDERS[name]), atol=0.35, rtol=0)


@EVERY
def test_order_on_the_figure_eight(name):
    system, duration = figure_eight(), numbers(1.0)
    reference = follow(yoshida4, system, duration, 4000).position
    misses = [
        (follow(INTEGRATORS[name], system, duration, n).position - reference).norm()
        for n in (50, 100)
    ]
    assert (misses[0] / misses[1]).log2().item() == pytest.approx(ORDERS[name], abs=0.3)


@pytest.mark.parametrize("integrator", [leapfrog, yoshida4, blanes_moan4, Substeps(leapfrog, 3)])
def test_a_step_back_undoes_a_step(integrator):
    system, period = binaries()
    there = integrator(system, period / 50, FIELD).system
    back = integrator(there, -period / 50, FIELD).system
    torch.testing.assert_close(back.position, system.position, atol=1e-13, rtol=0)
    torch.testing.assert_close(back.velocity, system.velocity, atol=1e-13, rtol=0)


@EVERY
def test_evaluations_of_a_step_are_what_the_field_counts(name):
    counted = Counted(FIELD)
    system, period = binaries()
    acceleration = FIELD.acceleration(system)
    INTEGRATORS[name](system, period / 50, counted, acceleration)
    assert counted.calls == COSTS[name]
    counted.calls = 0
    Substeps(INTEGRATORS[name], 5)(system, period / 50, counted, acceleration)
    assert counted.calls == 5 * COSTS[name]


def test_substeps_are_that_many_steps():
    system, period = binaries()
    one = Substeps(leapfrog, 4)(system, period / 25, FIELD).system
    many = follow(leapfrog, system, period / 25, 4)
    assert torch.equal(one.position, many.position)
    assert torch.equal(one.time, period / 25)


@EVERY
def test_error_of_a_step_has_a_gradient_in_its_length(name):
    gate = Gate(FIELD, 1e-3, integrator=INTEGRATORS[name])
    system, period = binaries()
    start, dt = gate.start(system), (period / 40).requires_grad_()
    (slope,) = torch.autograd.grad(gate.attempt(start, dt).error.sum(), dt)
    h = 1e-5
    errors = [gate.attempt(start, dt.detach() + s).error for s in (h, -h)]
    torch.testing.assert_close(slope, (errors[0] - errors[1]) / (2 * h), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("integrator", [yoshida4, blanes_moan4, hermite4])
def test_acceleration_that_is_handed_on_saves_work_and_changes_nothing(integrator):
    system, period = binaries()
    known = integrator(system, period / 50, FIELD, FIELD.acceleration(system)).system
    assert torch.equal(known.position, integrator(system, period / 50, FIELD).system.position)
