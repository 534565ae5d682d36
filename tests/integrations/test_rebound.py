"""A rule inside REBOUND takes the steps that it takes here, and a run comes to its end."""

import sys

import numpy as np
import pytest
import rebound
import torch
from problems import FIELD, equal_pair, figure_eight

from aitimestepper.errors import UserError
from aitimestepper.integrations.rebound import attach
from aitimestepper.integrations.rebound_rows import rebound_rows
from aitimestepper.model.rules import FreeFall
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.integrators import Step
from aitimestepper.physics.state import System
from aitimestepper.simulation.cases import load_cases
from aitimestepper.simulation.evaluate import evaluate
from aitimestepper.simulation.run import simulate
from aitimestepper.sources import load

RULE = FreeFall(0.05, FIELD)


def drifting(system, dt, field, acceleration=None):  # noqa: ARG001
    """Drift-kick-drift, as REBOUND does it."""
    h = dt[:, None, None]
    middle = system.position + 0.5 * h * system.velocity
    half = System(system.mass, middle, system.velocity, system.time + 0.5 * dt)
    pull = field.acceleration(half)
    velocity = system.velocity + h * pull
    end = System(system.mass, middle + 0.5 * h * velocity, velocity, system.time + dt)
    return Step(end, pull)


def inside(system):
    simulation = rebound.Simulation()
    simulation.integrator = "leapfrog"
    for m, x, v in zip(system.mass[0], system.position[0], system.velocity[0], strict=True):
        x, v = x.tolist(), v.tolist()
        simulation.add(m=m.item(), x=x[0], y=x[1], vx=v[0], vy=v[1])
    return simulation


def places(simulation):
    return np.array([particle.xyz[:2] for particle in simulation.particles])


@pytest.mark.parametrize("system", [equal_pair(0.7), figure_eight()], ids=["pair", "three"])
def test_steps_inside_rebound_are_those_of_our_own_simulation(system):
    gate = Gate(FIELD, 2e-4, integrator=drifting)
    own, _ = simulate(system, RULE, gate, until=system.time + 5.0, judge=False)
    simulation = inside(system)
    attach(simulation, RULE, dimensions=2)
    simulation.integrate(5.0)
    assert simulation.t == 5.0
    assert simulation.steps_done == own.steps.item()
    np.testing.assert_allclose(places(simulation), own.end.position[0].numpy(), rtol=0, atol=1e-11)


def test_a_run_goes_on_with_steps_of_the_rule_after_a_shortened_one():
    system, lengths = equal_pair(0.5), []
    simulation = inside(system)

    def rule(state):
        lengths.append(RULE(state).item())
        return RULE(state)

    attach(simulation, rule, dimensions=2)
    for end in (0.111, 0.2, 0.5):
        simulation.integrate(end)
        assert simulation.t == end
    assert min(lengths) > 0.01


def test_arrays_do_as_well_as_systems():
    system = equal_pair(0.7)

    def rule(mass, position, velocity):
        assert velocity.shape == (2, 2)
        away = position[1] - position[0]
        return 0.05 * (away @ away) ** 0.75 / mass.sum() ** 0.5

    one, other = inside(system), inside(system)
    attach(one, RULE, dimensions=2)
    attach(other, rule, dimensions=2, arrays=True)
    for simulation in (one, other):
        simulation.integrate(3.0)
    np.testing.assert_allclose(places(one), places(other), rtol=0, atol=1e-11)


@pytest.mark.parametrize("nonsense", [float("nan"), 0.0, -1.0, float("inf")])
def test_nonsense_stops_the_run_and_says_so(nonsense):
    simulation = inside(equal_pair(0.5))
    attach(simulation, lambda *_: nonsense, dimensions=2, arrays=True)
    with pytest.warns(UserWarning, match="proposes dt"):
        simulation.integrate(1.0)
    assert simulation.t < 1.0


def test_other_integrators_and_units_are_refused():
    simulation = inside(equal_pair(0.5))
    simulation.G = 39.5
    with pytest.raises(UserError, match="G = 39.5"):
        attach(simulation, RULE, dimensions=2)
    simulation.integrator = "ias15"
    with pytest.raises(UserError, match="ias15"):
        attach(simulation, RULE, dimensions=2)


def test_without_rebound_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rebound", None)
    with pytest.raises(UserError, match="pip install rebound"):
        attach(None, RULE, dimensions=2)


def test_rows_of_rebound_agree_with_its_published_figures():
    """IAS15 at e = 0.5 and 0.9: see the anchors of the cases."""
    step, cases = load("freefall:0.03"), load_cases()
    for name, evaluations in (("kepler-e0.5", 1343), ("kepler-e0.9", 2321)):
        learned = next(
            row
            for row in evaluate([cases[name]], step, step.gate, label="it", periods=2.0)
            if row.rule == "it"
        )
        rows = {row.rule: row for row in rebound_rows(cases[name], learned)}
        default = rows["rebound ias15"]
        assert default.evaluations / 2 == pytest.approx(evaluations, rel=0.02)
        assert default.energy_error_max < 1e-13
        assert default.phase_error < 1e-12
        assert rows["rebound leapfrog"].evaluations == pytest.approx(learned.evaluations, abs=1)
        assert rows["rebound whfast"].position_error < 1e-11
        assert torch.tensor([row.time for row in rows.values()]).unique().numel() == 1
