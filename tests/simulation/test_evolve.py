"""Integration to an end: every system lands on its own, and nobody waits for nonsense."""

import pytest
import torch

from aitimestepper.model.rules import Fixed, FreeFall
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.kepler import binary, period, propagate
from aitimestepper.simulation.evolve import evolve
from aitimestepper.simulation.run import simulate

GATE = Gate(Gravity(), 2e-4)


@pytest.fixture
def orbits():
    """Three pairs that need very different numbers of steps, with their periods."""
    axis = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    eccentricity = torch.tensor([0.0, 0.4, 0.8], dtype=torch.float64)
    mass = torch.tensor([[1.0, 1.0], [3.0, 1.0], [1.0, 1e-3]], dtype=torch.float64)
    return binary(axis, eccentricity, mass), period(axis, mass)


def test_every_system_lands_exactly_on_its_own_end(orbits):
    system, span = orbits
    outcome = simulate(system, FreeFall(0.03, GATE.field), GATE, until=1.7 * span)[0]
    assert torch.equal(outcome.end.time, 1.7 * span)
    assert len(set(outcome.steps.tolist())) == 3


def test_the_end_state_is_the_exact_motion_to_second_order(orbits):
    system, span = orbits
    errors = [
        (
            simulate(system, FreeFall(eta, GATE.field), GATE, until=0.9 * span)[0].end.position
            - propagate(system, 0.9 * span).position
        ).norm(dim=(1, 2))
        for eta in (2e-3, 1e-3)
    ]
    order = (errors[0] / errors[1]).log2()
    torch.testing.assert_close(order, torch.full_like(order, 2.0), atol=0.05, rtol=0)


def test_block_size_changes_no_bit(orbits):
    system, span = orbits

    def end(block):
        *_, last = evolve(system[2:], Fixed(1e-3), GATE, until=span[2:], block=block)
        return last.end.position

    assert torch.equal(end(7), end(500))


def test_steps_replay_with_an_independent_loop(orbits):
    system, span = orbits
    replayed = system[1:2]
    for block in evolve(replayed, FreeFall(0.1, GATE.field), GATE, until=span[1:2], block=16):
        for dt, state in zip(block.dt, block.begin.system.position, strict=True):
            assert torch.equal(replayed.position[0], state)
            replayed = leapfrog(replayed, dt, GATE.field).system
    assert torch.equal(replayed.position, block.end.position)


@pytest.mark.parametrize("proposal", [0.0, -1.0, float("nan")])
def test_a_rule_without_a_way_forward_ends_in_a_violation_and_not_in_a_hang(orbits, proposal):
    system, span = orbits
    rule = Fixed(torch.tensor([1e-2, proposal, 1e-2], dtype=torch.float64))
    outcome = simulate(system, rule, GATE, until=0.1 * span)[0]
    assert outcome.violations[1] == outcome.steps[1] == 1
    assert outcome.energy_error_max[1] == torch.inf
    assert outcome.energy_error_max[0] < 1e-3


def test_a_number_of_steps_is_taken_exactly(orbits):
    system, span = orbits
    endless = torch.full_like(span, torch.inf)
    outcome = simulate(system, FreeFall(0.1, GATE.field), GATE, until=endless, max_steps=300)[0]
    assert outcome.steps.tolist() == [300, 300, 300]
    assert outcome.evaluations.tolist() == [301, 301, 301]
