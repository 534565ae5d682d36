"""Schemes that promise it go back to where they came from, and drift less than the plain one."""

from dataclasses import dataclass

import pytest
import torch
from problems import FIELD, equal_pair, random_bound

from aitimestepper.errors import UserError
from aitimestepper.model.history import Window, empty
from aitimestepper.model.rules import Aarseth, Fixed, FreeFall
from aitimestepper.physics.conserved import total_energy
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.higher_order import INTEGRATORS
from aitimestepper.physics.state import join
from aitimestepper.physics.timescales import free_fall_time
from aitimestepper.simulation.cases import load_cases
from aitimestepper.simulation.choosing import check_scheme, scheme_named
from aitimestepper.simulation.evolve import evolve
from aitimestepper.simulation.run import simulate
from aitimestepper.simulation.schemes import Plain, Reversible, Symmetric, turned
from aitimestepper.simulation.truth import reversal_error

GATE = Gate(FIELD, 2e-4)
ROUNDING = 1e-11


def leaning(system):
    """A rule that is longer on approach than on recession, as a learned one may be."""
    x, v = system.position.diff(dim=1)[:, 0], system.velocity.diff(dim=1)[:, 0]
    radial = (x * v).sum(-1) / (x.norm(dim=-1) * v.norm(dim=-1))
    return 0.03 * free_fall_time(system, FIELD) * (1 - 0.2 * radial)


@dataclass(frozen=True)
class Recalling:
    """A rule with a past of one state: it grows by 2 % a step at most."""

    def begin(self, system):
        return empty(system, 1, 1)

    def propose(self, system, window: Window):
        now = 0.1 * free_fall_time(system, FIELD)
        return torch.where(window.full, torch.minimum(now, 1.02 * window.past[:, 0, 0]), now)

    def update(self, system, window: Window):
        return window.pushed(self.propose(system, window)[:, None])


@pytest.mark.parametrize(
    ("scheme", "rule", "steps"),
    [
        (Symmetric(30), FreeFall(0.03, FIELD), 200),
        (Symmetric(30), Aarseth(0.03, FIELD), 20),
        (Reversible(), FreeFall(0.03, FIELD), 400),
        (Reversible(), Aarseth(0.03, FIELD), 400),
    ],
    ids=repr,
)
def test_forward_flip_and_back_ends_at_the_start(scheme, rule, steps):
    system = join([equal_pair(0.6, -0.3), equal_pair(0.3, 2.0)])
    assert (reversal_error(system, rule, GATE, scheme, steps) < ROUNDING).all()


def test_three_bodies_go_back_too():
    system, rule = random_bound(3, 3, 3), FreeFall(0.01, FIELD)
    for scheme in (Symmetric(40), Reversible()):
        assert (reversal_error(system, rule, GATE, scheme, 100) < ROUNDING).all()


@pytest.mark.parametrize("scheme", [Symmetric(40), Reversible()], ids=repr)
def test_rules_that_tell_approach_from_recession_go_back_too(scheme):
    system = equal_pair(0.6, -0.3)
    assert (leaning(system) - leaning(turned(system))).abs() > 1e-3 * leaning(system)
    assert reversal_error(system, leaning, GATE, scheme, 100) < ROUNDING


def test_the_plain_scheme_does_not_go_back():
    assert reversal_error(equal_pair(0.6), FreeFall(0.03, FIELD), GATE, Plain(), 400) > 1e-6


def test_more_iterations_come_nearer_to_the_mean_of_both_ends():
    system, rule = equal_pair(0.6, 1.0), FreeFall(0.1, FIELD)
    away = []
    for n in (1, 2, 4, 8):
        scheme = Symmetric(n)
        (block,) = evolve(system, rule, GATE, until=system.time + 9, max_steps=1, scheme=scheme)
        mean = 0.5 * (rule(system) + rule(block.end))
        away.append((block.dt[0] / mean - 1).abs().item())
    assert away[0] > 5 * away[1] > 50 * away[2] > 500 * away[3]


def drift(scheme, eta, orbits):
    case = load_cases()["kepler-e0.9"]
    until = torch.tensor([orbits * case.period], dtype=torch.float64)
    return simulate(
        case.system, FreeFall(eta, FIELD), GATE, until=until, scheme=scheme, judge=False
    )[0]


def test_reversible_steps_drift_no_more_where_plain_ones_do():
    """At e = 0.9, 500 steps an orbit; the drift of the plain scheme adds up orbit by orbit."""
    plain, symmetric, explicit = (
        drift(s, 0.0167, 10) for s in (Plain(), Symmetric(), Reversible())
    )
    assert plain.energy_error_final > 1e-4
    assert symmetric.energy_error_final < 1e-3 * plain.energy_error_final
    assert explicit.energy_error_final < 1e-3 * plain.energy_error_final


@pytest.mark.slow
def test_long_runs_come_out_as_published():
    """Of a thousand orbits at e = 0.9 with 1,000 steps each, 3.9e-4 and 6.9e-3: here thirty."""
    plain, symmetric, explicit = (
        drift(s, 0.00837, 30) for s in (Plain(), Symmetric(), Reversible())
    )
    assert symmetric.energy_error_max == pytest.approx(3.9e-4, rel=0.05)
    assert explicit.energy_error_max == pytest.approx(3.9e-4, rel=0.05)
    assert plain.energy_error_final * 1000 / 30 == pytest.approx(6.9e-3, rel=0.1)


def test_a_symmetric_step_is_the_mean_of_both_ends():
    system, rule = equal_pair(0.6, 1.0), FreeFall(0.1, FIELD)
    (block,) = evolve(system, rule, GATE, until=system.time + 9, max_steps=1, scheme=Symmetric(60))
    torch.testing.assert_close(block.dt[0], 0.5 * (rule(system) + rule(block.end)))


def test_a_fixed_step_is_the_same_in_every_scheme():
    system = equal_pair(0.5)
    ends = [
        simulate(system, Fixed(0.01), GATE, until=system.time + 1, scheme=scheme)[0].end.position
        for scheme in (Plain(), Symmetric(), Reversible())
    ]
    torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=1e-14)
    torch.testing.assert_close(ends[2], ends[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("scheme", [Plain(), Symmetric(1), Symmetric(3), Reversible()])
@pytest.mark.parametrize("guard", [False, True])
@pytest.mark.parametrize("rule", [FreeFall(0.2, FIELD), Aarseth(0.2, FIELD)])
def test_evaluations_are_those_that_the_field_counts(scheme, guard, rule, monkeypatch):
    if guard and not scheme.guarded:
        pytest.skip("shortened steps would break it")
    calls, count = [], type(FIELD).acceleration
    monkeypatch.setattr(
        type(FIELD), "acceleration", lambda self, s: calls.append(len(s)) or count(self, s)
    )
    system = equal_pair(0.6)
    outcome, _ = simulate(
        system, rule, GATE, until=system.time + 3, scheme=scheme, guard=guard, judge=False
    )
    assert outcome.evaluations.tolist() == [sum(calls)]
    assert (outcome.rejected > 0) == guard


@pytest.mark.parametrize("scheme", [Plain(), Symmetric()], ids=lambda s: s.name)
@pytest.mark.parametrize(
    ("integrator", "each"), [("yoshida4", 3), ("blanes_moan4", 6), ("hermite4", 2)]
)
def test_evaluations_of_other_integrators_are_their_own(integrator, each, scheme):
    gate, system = Gate(FIELD, 2e-4, integrator=INTEGRATORS[integrator]), equal_pair(0.3)
    outcome, _ = simulate(
        system, FreeFall(0.1, FIELD), gate, until=system.time + 1, scheme=scheme, judge=False
    )
    assert outcome.evaluations.item() == 1 + (each + scheme.cost.trials) * outcome.steps.item()


def test_work_of_a_field_that_changes_with_time_is_no_error():
    """The energy changes by far more than what the steps get wrong."""

    class Growing(Gravity):
        time_dependent = True

        def energy(self, system):
            return (1 + 0.1 * system.time) * super().energy(system)

        def acceleration(self, system):
            return (1 + 0.1 * system.time)[:, None, None] * super().acceleration(system)

    gate, system = Gate(Growing(), 2e-4), equal_pair(0.3)
    rule = FreeFall(0.02, FIELD)
    outcome, _ = simulate(system, rule, gate, until=system.time + 5)
    change = total_energy(outcome.end, gate.field) / total_energy(system, gate.field) - 1
    assert change > 0.3
    assert outcome.energy_error_max < 3e-3
    assert outcome.energy_error_final <= outcome.energy_error_max


def test_a_law_that_jumps_leaves_the_recursion_without_a_way_forward():
    system = equal_pair(0.9)

    def jumping(state):
        return torch.where(state.time > 0.05, 0.1, 0.01)

    outcome, _ = simulate(system, jumping, GATE, until=system.time + 3, scheme=Reversible())
    assert outcome.status.tolist() == [2]
    assert outcome.energy_error_max == torch.inf


def test_windows_travel_with_their_systems():
    """Side by side, in blocks of any size, a rule remembers what it would remember alone."""
    systems = join([equal_pair(0.8, 1.0), equal_pair(0.1), equal_pair(0.6, -1.0)])
    until = systems.time + torch.tensor([3.0, 0.5, 2.0])
    together, _ = simulate(systems, Recalling(), GATE, until=until)
    for i in range(3):
        part = slice(i, i + 1)
        alone, _ = simulate(systems[part], Recalling(), GATE, until=until[part])
        assert torch.equal(together.end.position[part], alone.end.position)
        assert together.steps[i] == alone.steps[0]
    forgetful, _ = simulate(systems, FreeFall(0.1, FIELD), GATE, until=until)
    assert together.steps[0] > forgetful.steps[0]


def test_the_past_makes_steps_as_the_rule_says():
    system, rule = equal_pair(0.8), Recalling()
    (block,) = evolve(system, rule, GATE, until=system.time + 9, max_steps=30)
    growth = block.dt[1:, 0] / block.dt[:-1, 0]
    assert growth.max() == pytest.approx(1.02)


@pytest.mark.parametrize(
    ("scheme", "rule", "guard", "said"),
    [
        (Symmetric(), Recalling(), False, "model with a history"),
        (Reversible(), Recalling(), False, "model with a history"),
        (Reversible(), FreeFall(0.1, FIELD), True, "leave out the guard"),
    ],
)
def test_what_a_scheme_cannot_carry_is_refused(scheme, rule, guard, said):
    with pytest.raises(UserError, match=said):
        check_scheme(scheme, rule, equal_pair(0.5), guard)


def test_what_a_scheme_can_carry_is_not():
    for guard in (False, True):
        check_scheme(Plain(), Recalling(), equal_pair(0.5), guard)
        check_scheme(Symmetric(), leaning, equal_pair(0.5), guard)
    check_scheme(Reversible(), Aarseth(0.1, FIELD), equal_pair(0.5), False)


@pytest.mark.parametrize(
    ("name", "iterations", "said"),
    [
        ("fancy", None, "choose one of"),
        ("plain", 2, "does not iterate"),
        ("symmetric", 0, "1 iter"),
    ],
)
def test_an_unknown_scheme_is_one_sentence(name, iterations, said):
    with pytest.raises(UserError, match=said):
        scheme_named(name, iterations)
