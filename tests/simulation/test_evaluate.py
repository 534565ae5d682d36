"""Evaluation reproduces the published figures of one-step control and hides no violation."""

import math

import pytest
import torch

from aitimestepper.errors import UserError
from aitimestepper.model.rules import FreeFall, Oracle
from aitimestepper.physics.conserved import momentum
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.initial_conditions import KeplerOrbits
from aitimestepper.physics.kepler import binary, period
from aitimestepper.simulation.cases import Case, load_cases, pick, scattering
from aitimestepper.simulation.evaluate import evaluate
from aitimestepper.simulation.held_out import held_out
from aitimestepper.simulation.table import by_case, over_cases

GATE = Gate(Gravity(), 2e-4)


def pair(eccentricity):
    axis = torch.ones(1, dtype=torch.float64)
    mass = torch.ones(1, 2, dtype=torch.float64)
    system = binary(axis, eccentricity * axis, mass)
    return Case(f"e{eccentricity}", system, period(axis, mass).item(), None, "test")


@pytest.fixture(scope="module")
def rows():
    cases = [pair(0.3), pair(0.6)]
    rule = FreeFall(0.5, GATE.field)
    return list(evaluate(cases, rule, GATE, label="too long", periods=3.0))


@pytest.mark.parametrize(
    ("rule", "steps"),
    [("oracle", [41.7, 69.7]), ("best freefall", [65.7, 109.3]), ("best fixed", [98, 351])],
)
def test_steps_per_orbit_agree_with_the_published_table(rows, rule, steps):
    """Figures measured by another program, see the table of reference points."""
    measured = [row.steps / row.periods for row in rows if row.rule == rule]
    assert measured == pytest.approx(steps, rel=0.01)


def test_reference_rules_have_no_violation_and_touch_the_threshold(rows):
    for row in rows:
        if row.rule != "too long":
            assert row.violations == 0
            assert 0.97 < row.worst_step_error / row.threshold <= 1


def test_a_rule_that_fails_is_reported_as_failing(rows):
    failing = [row for row in rows if row.rule == "too long"]
    assert all(row.violations > 0 and row.worst_step_error > row.threshold for row in failing)


def test_the_oracle_defines_the_ratio(rows):
    assert all(row.steps_over_oracle == pytest.approx(1) for row in rows if row.rule == "oracle")
    fixed = next(row for row in rows if row.rule == "best fixed")
    oracle = next(row for row in rows if row.rule == "oracle")
    assert fixed.steps_over_oracle == pytest.approx(fixed.steps / (oracle.steps / 3))


def test_tables_hold_every_rule_and_the_counts(rows):
    per_case, overall = by_case(rows), over_cases(rows)
    violations = sum(row.violations for row in rows if row.rule == "too long")
    steps = sum(row.steps for row in rows if row.rule == "too long")
    assert f"{violations} of {steps}" in overall
    assert per_case.count("  oracle |") == 2
    assert overall.count("| oracle ") == 1


def test_published_cases_have_the_energies_of_their_sources():
    cases = load_cases()
    energy = {
        name: (GATE.start(case.system).energy.item(), case.period) for name, case in cases.items()
    }
    assert energy["kepler-e0.9"] == pytest.approx((-0.125, 2 * math.pi))
    assert energy["ait-e0.6"] == pytest.approx((-0.5, 2 * math.pi / math.sqrt(2)))
    assert energy["pythagorean"][0] == pytest.approx(-(12 / 5 + 15 / 4 + 20 / 3) + 0.0)
    assert energy["figure-eight"][0] == pytest.approx(-1.2871419917663258)


def test_a_figure_eight_returns_after_its_published_period():
    case = load_cases()["figure-eight"]
    from aitimestepper.model.rules import Fixed
    from aitimestepper.simulation.run import simulate

    until = torch.tensor([case.period], dtype=torch.float64)
    end = simulate(case.system, Fixed(1e-3), GATE, until=until)[0].end
    torch.testing.assert_close(end.position, case.system.position, atol=1e-5, rtol=0)


def test_scattering_systems_are_seeded_centred_and_differ():
    first, second = scattering(1000), scattering(1001)
    assert torch.equal(first.position, scattering(1000).position)
    assert not torch.equal(first.position, second.position)
    assert momentum(first).abs().max() < 1e-15


def test_held_out_systems_are_none_of_the_training_draws():
    sampler = KeplerOrbits()
    generator = torch.Generator().manual_seed(7)
    trained = sampler.draw(sampler.masses(8, generator), generator).system
    unseen = torch.cat([case.system.position for case in held_out(sampler, 8, 7)])
    assert not torch.isclose(unseen[:, None], trained.position[None]).all((-1, -2)).any()


def test_an_unknown_case_names_the_known_ones():
    with pytest.raises(UserError, match=r'no case "keppler".*kepler-e0\.5'):
        pick(load_cases(), "keppler")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"a": 3}',
        '{"a": {"elements": {"a": 1}}}',
        '{"a": {"elements": {"a": 1, "e": 1.0, "q": 1, "total": 1, "start": "apocentre"}}}',
        '{"a": {"rows": [[1, 2, 3]]}}',
        '{"a": {"rows": "x"}}',
        '{"a": {"rows": [[1, 0, 0, 0, 0]]}}',
        '{"a": {"rows": [[-1, 0, 0, 0, 0], [1, 1, 0, 0, 0]]}}',
        '{"a": {"rows": [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]], "period": -1}}',
        '{"a": {"rows": [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]], "period": "x"}}',
        '{"a": {"elements": {"a": 1, "e": 0, "q": -1, "total": 1, "start": "apocentre"}}}',
        "[" * 100_000,
    ],
)
def test_a_malformed_case_file_is_one_sentence(tmp_path, text):
    path = tmp_path / "cases.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_cases(path)
    assert "\n" not in str(caught.value)


def test_a_missing_case_file_names_its_path(tmp_path):
    with pytest.raises(UserError, match="none.json"):
        load_cases(tmp_path / "none.json")


def test_oracle_is_the_fewest_steps_of_all_rules_at_moderate_eccentricity(rows):
    assert all(row.steps_over_oracle >= 1 for row in rows if row.rule.startswith("best"))
    assert isinstance(Oracle(GATE)(pair(0.3).system), torch.Tensor)
