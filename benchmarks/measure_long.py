"""Long runs of a steep pair: does the energy error stay where it is, and how large is it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch

import aitimestepper as ats
from aitimestepper.model.rules import FreeFall
from aitimestepper.model.scaled import Scaled
from aitimestepper.model.timestep import TimeStep
from aitimestepper.physics.gate import Gate
from aitimestepper.simulation.blocks import Block
from aitimestepper.simulation.cases import load_cases, pick
from aitimestepper.simulation.run import simulate
from aitimestepper.simulation.schemes import Scheme
from aitimestepper.simulation.truth import phase_error

_BUDGET = 1_000
_TENTHS = 10


class LongRun(NamedTuple):
    """One rule in one scheme on a pair with e = 0.9."""

    rule: str
    scheme: str
    orbits: float
    """How far it was to go."""
    gone: float
    """How far it went before the scheme found no way forward."""
    evaluations: float
    """Of the force, per orbit."""
    largest: float
    """Largest relative energy error of the run."""
    first: float
    """The same over its first tenth."""
    last: float
    """The same over its last tenth."""
    drift: float
    """Relative change of the energy per orbit, between the middles of those tenths' extremes."""
    phase: float
    """Angle along the orbit between the end and the exact motion [rad]."""


@torch.no_grad()
def measure(name: str, scheme: Scheme, *, orbits: float) -> Iterator[LongRun]:
    """Follow kepler-e0.9 with a rule and with free fall, at most 1,000 evaluations an orbit.

    Both take the steps of the integrator that the rule was trained for.

    Arguments:
        name: Of a run trained on pairs.
        scheme: Makes steps of what the rules say.
        orbits: How far to go.
    """
    step = ats.load(name)
    for label, rule in {name: step.rule, "free fall": FreeFall(0.06, step.gate.field)}.items():
        factor = _factor(rule, scheme, step.gate)
        ran = _followed(Scaled(rule, factor), scheme, step.gate, orbits)
        yield ran._replace(rule=f"{label} x {factor:.3g}")


def least_error(eccentricity: float, steps: int) -> float:
    r"""What no law of the distance can go below with so many leapfrog steps an orbit.

    To second order in the step, energy changes along an orbit by :math:`h^2 de`, with

    .. math:: e = \tfrac1{12} v \cdot V'' v - \tfrac1{24} |a|^2

    It falls from apocentre to a minimum and rises from there to pericentre. The steps with the
    smallest largest deviation go with :math:`|dt / de|^{1/3}` on either branch, and rise twice as
    far as they fell. Largest relative deviation from the energy at apocentre.

    References:
        | Hairer, Lubich & Wanner (2006), Geometric Numerical Integration, IX
    """
    anomaly = torch.linspace(-torch.pi, 0, 100_001, dtype=torch.float64)
    r = 1 - eccentricity * anomaly.cos()
    square = 2 / r - 1
    along = (eccentricity * anomaly.sin()) ** 2  # (r v)^2
    e = (square / r**3 - 3 * along / r**5) / 12 - 1 / (24 * r**4)
    dt, de = (0.5 * (r[1:] + r[:-1]) * anomaly.diff()), e.diff()
    cost = de.abs() ** (1 / 3) * dt ** (2 / 3)
    fall, rise = (cost[side].sum() ** 1.5 for side in (de < 0, de > 0))
    return (2 * (2 * (fall + rise / 2**0.5) / steps) ** 2).item()


def _factor(rule: TimeStep, scheme: Scheme, gate: Gate) -> float:
    """The longest steps that the budget allows, by the evaluations of three orbits."""
    factor = 0.5
    for _ in range(4):
        cost = _followed(Scaled(rule, factor), scheme, gate, 3.0).evaluations
        factor *= cost / (0.998 * _BUDGET)
    return factor


def _followed(rule: TimeStep, scheme: Scheme, gate: Gate, orbits: float) -> LongRun:
    case = pick(load_cases(), "kepler-e0.9")
    until = case.system.time + orbits * case.span
    energy = gate.start(case.system).energy
    extremes = torch.zeros(2, _TENTHS, dtype=torch.float64)  # of the energy: lowest, highest
    gone = 0.0

    def watch(block: Block, _: object) -> None:
        nonlocal gone
        tenth = (_TENTHS * block.begin.system.time / until).nan_to_num().long()
        tenth, change = tenth.clamp(max=_TENTHS - 1), (block.begin.energy / energy - 1).nan_to_num()
        extremes[0].scatter_reduce_(0, tenth, change, "amin")
        extremes[1].scatter_reduce_(0, tenth, change, "amax")
        gone = block.begin.system.time.nan_to_num().max().item() / case.span

    run, _ = simulate(case.system, rule, gate, until=until, scheme=scheme, judge=False, watch=watch)
    cost = int(run.evaluations) / gone
    largest, middle = extremes.abs().amax(0), extremes.mean(0)
    errors = largest.amax().item(), largest[0].item(), largest[-1].item()
    drift = (middle[-1] - middle[0]).item() / (0.9 * orbits)
    phase = phase_error(case.system, run.end, gate.field).item()
    return LongRun("", scheme.name, orbits, gone, cost, *errors, drift, phase)
