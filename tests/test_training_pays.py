"""A short training does what the project is for: fewer steps than the best classical rule."""

import pytest
import torch

from aitimestepper.build import build, sampler_of
from aitimestepper.settings import RunConfig
from aitimestepper.simulation.evaluate import evaluate
from aitimestepper.simulation.held_out import held_out
from aitimestepper.sources import step_of
from aitimestepper.training.collect import Transition, collect
from aitimestepper.training.generalize import generalize
from aitimestepper.training.recorded import Recorded


@pytest.fixture(scope="module")
def rows():
    """Ten epochs of the demo on a narrower range, judged on orbits never trained on."""
    config = RunConfig.model_validate(
        {"initial_conditions": {"eccentricity": (0.1, 0.7)}, "orbits": 32}
    )
    training, recorded = build(config), Recorded()
    for _ in range(10):
        for event in collect(training, steps=32):
            if isinstance(event, Transition):
                recorded.append(event.samples)
        *_, last = generalize(training, recorded, **config.generalize.model_dump())
        assert last.failing == 0
    cases = held_out(sampler_of(config), 12, config.seed)
    step = step_of(training.model)
    found = evaluate(cases, step, training.gate, label="learned", periods=3.0)
    return {(row.case, row.rule): row for row in found}


@pytest.mark.slow
def test_unseen_orbits_take_fewer_steps_than_the_best_free_fall_rule(rows):
    for (case, rule), row in rows.items():
        if rule == "learned":
            assert row.steps < rows[case, "best freefall"].steps


@pytest.mark.slow
def test_unseen_orbits_pass_the_gate_nearly_always(rows):
    learned = [row for (_, rule), row in rows.items() if rule == "learned"]
    assert sum(row.violations for row in learned) <= 0.005 * sum(row.steps for row in learned)


@pytest.mark.slow
def test_unseen_orbits_take_at_most_a_third_more_steps_than_the_oracle(rows):
    ratios = torch.tensor([row.steps_over_oracle for key, row in rows.items() if "learned" in key])
    assert ratios.max() <= 1.35
    assert 1.0 < ratios.median() <= 1.25
