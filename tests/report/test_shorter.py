"""Shorter steps cost what they should and bring the error down at the order of the integrator."""

from __future__ import annotations

import math

import pytest
import torch
from problems import FIELD

from aitimestepper.model.rules import FreeFall
from aitimestepper.model.scaled import Scaled
from aitimestepper.physics.gate import Gate
from aitimestepper.report.shorter import FACTORS, best_of_free_fall, shorter
from aitimestepper.simulation.cases import load_cases

GATE = Gate(FIELD, 2e-4)


@pytest.fixture(scope="module")
def rows():
    case = load_cases()["kepler-e0.5"]
    return list(shorter([case], FreeFall(0.04, FIELD), GATE, label="rule", periods=2.0))


def test_every_rule_comes_plain_and_symmetric_at_every_length(rows):
    names = [row.rule for row in rows]
    every = {"rule", "rule symmetric", "best freefall", "best freefall symmetric"}
    assert set(names) == every
    assert all(names.count(name) == len(FACTORS) for name in every)


def test_half_the_step_takes_twice_the_steps_and_a_quarter_of_the_error(rows):
    for rule in ("rule", "rule symmetric"):
        first, second, third = (row for row in rows if row.rule == rule)
        for long, short in ((first, second), (second, third)):
            assert short.steps == pytest.approx(2 * long.steps, rel=0.02)
            order = math.log2(long.energy_error_max / short.energy_error_max)
            assert order == pytest.approx(2, abs=0.15)


def test_the_symmetric_scheme_is_charged_for_its_trial_steps(rows):
    plain = [row for row in rows if row.rule == "best freefall"]
    symmetric = [row for row in rows if row.rule == "best freefall symmetric"]
    for one, two in zip(plain, symmetric, strict=True):
        assert two.evaluations == pytest.approx(2 * one.evaluations, rel=0.02)


def test_the_free_fall_rule_is_the_one_tuned_to_each_case():
    cases = [load_cases()[name] for name in ("kepler-e0.5", "kepler-e0.9")]
    together = best_of_free_fall(cases, GATE).eta
    alone = torch.cat([best_of_free_fall([case], GATE).eta for case in cases])
    assert torch.equal(together, alone)


def test_a_scaled_rule_keeps_the_steps_of_each_system():
    eta = torch.tensor([0.1, 0.2], dtype=torch.float64)
    system = load_cases()["kepler-e0.5"].system.repeat(2)
    rule = FreeFall(eta, FIELD)
    half = Scaled(rule, 0.5)
    assert torch.equal(half(system), 0.5 * rule(system))
    assert torch.equal(half.take(torch.tensor([1]))(system[:1]), half(system)[1:])
