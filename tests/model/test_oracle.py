"""The oracle steps to just before the first failure: the limit of one-step control."""

import math

import pytest
import torch
from problems import FIELD, equal_pair, numbers, random_bound

from aitimestepper.model.rules import FreeFall, Oracle
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.kepler import binary, period
from aitimestepper.physics.state import System, where

ORBITS = 3


def from_pericentre(eccentricity):
    count = len(eccentricity)
    return binary(
        torch.ones(count, dtype=torch.float64),
        numbers(*eccentricity),
        torch.ones(count, 2, dtype=torch.float64),
    )


def follow(rule, gate, system):
    """Steps of each system over three orbits, and whether it ever met a rejection."""
    end = ORBITS * period(torch.ones_like(system.time), system.mass)
    steps, clean = torch.zeros_like(system.time), torch.ones_like(system.time, dtype=torch.bool)
    while bool((running := system.time < end).any()):
        trial = gate.attempt(gate.start(system), rule(system))
        clean &= gate.passes(trial) | ~running
        system = where(running, trial.system, system)
        steps += running
    return steps / ORBITS, clean


@pytest.mark.parametrize(
    ("threshold", "eccentricity", "expected"),
    [(2e-4, [0.0, 0.3, 0.6], [13.0, 41.7, 69.7]), (3e-3, [0.6, 0.9], [25.7, 78.3])],
)
def test_steps_per_orbit_are_those_of_the_published_table(threshold, eccentricity, expected):
    gate = Gate(FIELD, threshold)
    steps, clean = follow(Oracle(gate), gate, from_pericentre(eccentricity))
    torch.testing.assert_close(steps, numbers(*expected), rtol=0.02, atol=0)
    assert clean.all()


@pytest.mark.parametrize(
    ("threshold", "eccentricity", "expected"),
    [(2e-4, 0.3, 65.7), (3e-3, 0.6, 44.3), (2e-4, 0.6, 109.3), (3e-3, 0.9, 111.3)],
)
def test_best_free_fall_rule_needs_the_steps_of_the_published_table(
    threshold, eccentricity, expected
):
    """The table's rival is the largest eta without a failure; found here on a fine grid."""
    gate = Gate(FIELD, threshold)
    eta = torch.linspace(0.04, 0.30, 261, dtype=torch.float64)
    system = from_pericentre([eccentricity]).repeat(len(eta))
    steps, clean = follow(FreeFall(eta, FIELD), gate, system)
    best = int(clean.long().cumprod(0).sum()) - 1
    torch.testing.assert_close(steps[best], torch.tensor(expected).double(), rtol=0.03, atol=0)


@pytest.mark.parametrize("threshold", [2e-4, 3e-3])
def test_everything_shorter_passes_and_a_little_more_fails(threshold):
    phases = torch.linspace(-math.pi, math.pi, 9, dtype=torch.float64)
    count, ones = len(phases), torch.ones_like(phases)
    mass = torch.ones(count, 2, dtype=torch.float64)
    system = binary(ones, 0.5 * ones, mass, mean_anomaly=phases)
    gate = Gate(FIELD, threshold)
    longest, begin = Oracle(gate)(system), gate.start(system)
    for share in torch.linspace(0.02, 1.0, 50):
        assert gate.passes(gate.attempt(begin, share.item() * longest)).all()
    assert not gate.passes(gate.attempt(begin, (1 + 1e-6) * longest)).any()


def test_lucky_steps_beyond_the_first_failure_are_not_taken():
    apocentre = equal_pair(0.5, math.pi)
    assert Oracle(Gate(FIELD, 3e-3, probes=1))(apocentre).item() < 1.0


@pytest.mark.parametrize(("length", "mass"), [(10.0, 1.0), (1.0, 7.0), (1e-3, 1e3)])
def test_step_scales_as_time(length, mass):
    system, oracle = random_bound(4, 3, 3), Oracle(Gate(FIELD, 1e-4))
    scaled = System(
        mass * system.mass,
        length * system.position,
        (mass / length) ** 0.5 * system.velocity,
        system.time,
    )
    expected = (length**3 / mass) ** 0.5 * oracle(system)
    torch.testing.assert_close(oracle(scaled), expected, rtol=1e-5, atol=0)


def test_every_system_gets_the_same_step_alone_as_in_company():
    system, oracle = random_bound(4, 3, 2), Oracle(Gate(FIELD, 1e-4))
    for b in range(4):
        assert torch.equal(oracle(system[b : b + 1]), oracle(system)[b : b + 1])
