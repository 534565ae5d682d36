"""REBOUND's own integrators on the cases of an evaluation, with their evaluations counted."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from ..physics.conserved import angular_momentum, momentum
from ..physics.gravity import Gravity
from ..physics.state import System, assemble
from ..simulation.cases import Case
from ..simulation.rows import Row, known
from ..simulation.truth import phase_error, position_error
from .rebound import rebound

_DEFAULT_EPSILON = 1e-9
_EPSILONS = [10.0**k for k in range(-10, -2)]
_DOMINANT = 10.0


class _Flight(NamedTuple):
    """What one integrator came to."""

    end: System
    steps: int
    evaluations: int
    energy_error_max: float
    energy_error_final: float
    seconds: float
    converged: bool
    """Whether REBOUND had no complaint, such as steps too long for its iterations."""


def rebound_rows(case: Case, learned: Row) -> Iterator[Row]:
    """Rows of IAS15, the leapfrog and WHFast beside the row of a learned rule.

    IAS15 once with its own epsilon, and once with the power of ten that comes nearest to the
    evaluations of the learned rule, up to 1e-3 and without a complaint: beyond, it loses orbits.
    The leapfrog has a fixed step that makes as many evaluations.
    WHFast only where one body outweighs the others tenfold or there are two, which it solves
    exactly. Evaluations of IAS15 are counted by a callback of the force; the others make one a
    step. No gate judges these steps.

    Arguments:
        case: The system.
        learned: How the learned rule did on it; the ends in time are the same.
    """
    span, wanted = learned.time - case.system.time.item(), learned.evaluations
    default = _fly(case.system, span, "ias15", epsilon=_DEFAULT_EPSILON)
    yield _row(case, learned, "rebound ias15", default, "")
    tried = {e: _fly(case.system, span, "ias15", epsilon=e) for e in _EPSILONS}
    flights = {e: flight for e, flight in tried.items() if flight.converged}
    epsilon = min(flights, key=lambda e: abs(math.log(flights[e].evaluations / wanted)))
    yield _row(case, learned, "rebound ias15 tuned", flights[epsilon], f"epsilon {epsilon:g}")
    dt = span / wanted
    yield _row(case, learned, "rebound leapfrog", _fly(case.system, span, "leapfrog", dt=dt), "")
    mass = case.system.mass[0]
    pair, largest = len(mass) == 2, mass.max()
    if pair or largest > _DOMINANT * (mass.sum() - largest):
        flight = _fly(case.system, span, "whfast", dt=dt)
        note = "solves two bodies exactly" if pair else ""
        yield _row(case, learned, "rebound whfast", flight, note)


def _fly(
    system: System, span: float, integrator: str, *, dt: float | None = None, epsilon: float = 0.0
) -> _Flight:
    """Follow one system with an integrator of REBOUND."""
    simulation = _simulation(system, integrator)
    calls, worst, first = 0, 0.0, simulation.energy()

    def count(_: Any) -> None:
        nonlocal calls
        calls += 1

    def watch(pointer: Any) -> None:
        nonlocal worst
        worst = max(worst, abs(pointer.contents.energy() / first - 1))

    simulation.heartbeat = watch
    if integrator == "ias15":
        simulation.integrator.epsilon = epsilon
        simulation.additional_forces = count
    else:
        simulation.dt = dt
    begin = time.perf_counter()
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        simulation.integrate(span)
    seconds = time.perf_counter() - begin
    steps = simulation.steps_done
    final = abs(simulation.energy() / first - 1)
    end, counted = _state(simulation, system), calls or steps
    return _Flight(end, steps, counted, worst, final, seconds, not complaints)


def _simulation(system: System, integrator: str) -> Any:
    simulation = rebound().Simulation()
    simulation.integrator = integrator
    missing = (0, 3 - system.position.shape[-1])
    x, v = (torch.nn.functional.pad(t[0], missing) for t in (system.position, system.velocity))
    for mass, place, speed in zip(system.mass[0].tolist(), x.tolist(), v.tolist(), strict=True):
        simulation.add(
            m=mass, x=place[0], y=place[1], z=place[2], vx=speed[0], vy=speed[1], vz=speed[2]
        )
    return simulation


def _state(simulation: Any, begin: System) -> System:
    simulation.synchronize()
    dimensions = begin.position.shape[-1]
    x, v = (
        torch.tensor([[getattr(p, name) for p in simulation.particles]], dtype=torch.float64)
        for name in ("xyz", "vxyz")
    )
    time = begin.time + simulation.t
    return assemble(begin.mass, x[..., :dimensions], v[..., :dimensions], time)


def _row(case: Case, learned: Row, rule: str, flight: _Flight, note: str) -> Row:
    begin, end, field = case.system, flight.end, Gravity()
    return learned._replace(
        rule=rule,
        scheme="rebound",
        steps=flight.steps,
        evaluations=flight.evaluations,
        violations=None,
        worst_step_error=None,
        energy_error_max=flight.energy_error_max,
        energy_error_final=flight.energy_error_final,
        steps_over_oracle=None,
        wall_seconds=flight.seconds,
        phase_error=known(phase_error(begin, end, field)[0]),
        position_error=known(position_error([case], begin, end, field)[0]),
        momentum_error=_change(momentum, begin, end),
        angular_momentum_error=_change(angular_momentum, begin, end),
        reversal_error=None,
        note=note,
    )


def _change(quantity: Any, begin: System, end: System) -> float:
    """Change of a conserved vector over the sum of the sizes of its parts."""
    lever = end.position.norm(dim=-1) if quantity is angular_momentum else 1.0
    size = (end.mass * end.velocity.norm(dim=-1) * lever).sum()
    return ((quantity(end) - quantity(begin)).norm() / size).item()
