"""The figures of a report, each drawn from runs of its own or from the rows of the evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..figures.attempts import attempts_over_training
from ..figures.eccentricity import steps_against_eccentricity
from ..figures.energy import EnergySeries, energy_over_orbits
from ..figures.errors import error_histogram
from ..figures.orbits import orbits
from ..figures.pericentre import along_orbit
from ..figures.work_precision import work_precision
from ..model.history import remembers
from ..model.rules import Oracle
from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.kepler import elements, propagate
from ..physics.state import System, join
from ..simulation.cases import Case
from ..simulation.evaluate import Row, eccentricities
from ..simulation.evolve import Block, evolve
from ..simulation.schemes import Symmetric
from .gather import energy_series, error_ratios, path, trace
from .shorter import best_of_free_fall, shorter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Follow = Callable[[System, TimeStep, Gate, Float[Tensor, " B"]], Iterable[Block]]
"""A scheme: follows systems with a rule to their ends, as `evolve` does."""

_STEEP = 0.9
"""Eccentricity that the figure of one orbit comes as near to as it can."""
_PANELS = 3


def plain(
    system: System, step: TimeStep, gate: Gate, until: Float[Tensor, " B"]
) -> Iterator[Block]:
    """The plain scheme: dt(state), then one step."""
    return evolve(system, step, gate, until=until)


def symmetric(
    system: System, step: TimeStep, gate: Gate, until: Float[Tensor, " B"]
) -> Iterator[Block]:
    """The scheme of Hut, Makino & McMillan (1995), for rules without a past."""
    return evolve(system, step, gate, until=until, scheme=Symmetric())


class Recorded(NamedTuple):
    """What a training store knows of the gate's work."""

    attempts: np.ndarray
    """With shape (T, B)."""
    epoch: np.ndarray
    """With shape (T,)."""


@dataclass(frozen=True)
class Judged:
    """What a report is about."""

    model: str
    """Name of the rule, as in the rows."""
    step: TimeStep
    gate: Gate
    cases: Sequence[Case]
    """Of one N and D, each with a period."""
    rows: Sequence[Row]
    orbits: float = 100.0
    """How far the energy error is followed."""
    unseen: Sequence[Case] = ()
    """Systems from the trained range for single steps; all cases where there are none."""
    recorded: Recorded | None = None

    @property
    def pairs(self) -> bool:
        """Whether the cases have Kepler orbits."""
        return self.cases[0].system.mass.shape[1] == 2


class Drawing(NamedTuple):
    """A figure, the name of its files, and what to say of it."""

    name: str
    title: str
    caption: str
    figure: Figure


def drawings(judged: Judged) -> Iterator[Drawing]:
    """Every figure that fits, one by one; nothing is kept in between."""
    if judged.pairs:
        yield _eccentricity(judged)
    yield _work(judged)
    yield _energy(judged)
    if judged.pairs:
        yield _pericentre(judged)
    yield _histogram(judged)
    if judged.recorded is not None and len(judged.recorded.epoch):
        yield _attempts(judged.recorded)
    yield _orbits(judged)


def _eccentricity(judged: Judged) -> Drawing:
    names = [case.name for case in judged.cases]
    shape = dict(zip(names, eccentricities(judged.cases), strict=True))
    return Drawing(
        "eccentricity",
        "Steps per period",
        "Lower is better, as long as there is no ring: a ring marks a run with a violation. The "
        "oracle is the largest step before the first failure of the gate, the limit of one-step "
        "control; the best rules are tuned on the very orbit that they are judged on.",
        steps_against_eccentricity(judged.rows, shape),
    )


def _work(judged: Judged) -> Drawing:
    cases = judged.cases[:_PANELS]
    names = [case.name for case in cases]
    periods = max(row.periods for row in judged.rows if row.rule == judged.model)
    lines = list(shorter(cases, judged.step, judged.gate, label=judged.model, periods=periods))
    drawn = {(row.case, row.rule) for row in lines} | {(name, "oracle") for name in names}
    points = [row for row in judged.rows if (row.case, row.rule) not in drawn]
    return Drawing(
        "work-precision",
        "Work against precision",
        "Left of and below another rule is better. Lines join a rule with its own steps, half of "
        "them and a quarter; it was trained or tuned for the first. Evaluations are those of the "
        "force, those that a rule makes to propose a step included; wall time holds its inference "
        "too. The oracle is no rule and stands apart.",
        work_precision([row for row in [*lines, *points] if row.case in names]),
    )


def _energy(judged: Judged) -> Drawing:
    case = judged.cases[0]
    rules = {judged.model: judged.step, "best freefall": best_of_free_fall([case], judged.gate)}
    series = [
        _followed(judged, case, f"{name}, {scheme.__name__}", step, scheme)
        for name, step in rules.items()
        for scheme in (plain, symmetric)
        if scheme is plain or not remembers(step, case.system)
    ]
    return Drawing(
        "energy",
        f"Energy error over {_orbits_of(judged, case):g} orbits",
        "The largest error in each bin of time. A threshold on single steps does not bound the sum "
        "of their errors: what matters here is whether it grows. The free-fall rule is the best "
        "one for the plain scheme.",
        energy_over_orbits(series, case.name),
    )


def _followed(
    judged: Judged, case: Case, name: str, step: TimeStep, follow: Follow
) -> EnergySeries:
    period, orbits, field = case.span, _orbits_of(judged, case), judged.gate.field
    blocks = follow(case.system, step, judged.gate, case.system.time + orbits * period)
    return energy_series(name, blocks, case.system, field, period=period, orbits=orbits)


def _orbits_of(judged: Judged, case: Case) -> float:
    """How far to follow a case; one without a period goes to its horizon once."""
    return judged.orbits if case.period else 1.0


def _pericentre(judged: Judged) -> Drawing:
    cases = judged.unseen or judged.cases
    shape = zip(cases, eccentricities(cases), strict=True)
    case, e = min(shape, key=lambda pair: abs(pair[1] - _STEEP))
    period, system = case.span, _apocentre(case.system)
    until = system.time + period
    steps = {
        "oracle": Oracle(judged.gate),
        judged.model: judged.step,
        "best freefall": best_of_free_fall([case], judged.gate),
    }
    middle = system.time.item() + 0.5 * period
    traces = [
        trace(
            name,
            plain(system, step, judged.gate, until),
            judged.gate,
            pericentre=middle,
            period=period,
        )
        for name, step in steps.items()
    ]
    return Drawing(
        "pericentre",
        "Through pericentre",
        "One orbit from apocentre to apocentre. The oracle's steps end at the threshold; a rule "
        "is good where its dt follows that of the oracle from below.",
        along_orbit(traces, judged.gate.threshold, f"{case.name}, e = {e:.3g}"),
    )


def _histogram(judged: Judged) -> Drawing:
    cases = judged.unseen or judged.cases
    system = join([case.system for case in cases])
    periods = torch.tensor([case.span for case in cases], dtype=system.time.dtype)
    until = system.time + periods
    ratio = error_ratios(plain(system, judged.step, judged.gate, until), judged.gate)
    return Drawing(
        "errors",
        "Errors of single steps",
        "Every step of one period of systems that were never trained on. Steps right of the "
        "threshold are violations; steps far left of it are shorter than they need be.",
        error_histogram({judged.model: ratio}, f"{len(cases)} systems, one period each"),
    )


def _attempts(recorded: Recorded) -> Drawing:
    return Drawing(
        "attempts",
        "Attempts over training",
        "How often the gate refused a step before the model had learnt it, epoch by epoch.",
        attempts_over_training(recorded.attempts, recorded.epoch),
    )


def _orbits(judged: Judged) -> Drawing:
    case = judged.cases[0]
    until = case.system.time + case.span
    position = path(plain(case.system, judged.step, judged.gate, until))
    return Drawing(
        "orbits",
        "Orbits",
        "From the rings to the dots, over one period.",
        orbits(position, f"{case.name}, {judged.model}"),
    )


def _apocentre(system: System) -> System:
    """The same pair where it is slowest, at a time of its own."""
    axis, e, anomaly = elements(system)
    rate = (system.mass.sum(-1) / axis.pow(3)).sqrt()
    return propagate(system, (math.pi - (anomaly - e * anomaly.sin())) / rate)
