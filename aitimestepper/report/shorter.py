"""The rules of a report with shorter steps: the lines of work against precision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from ..model.history import remembers
from ..model.rules import FreeFall, Oracle
from ..model.scaled import Scaled
from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..simulation.cases import Case
from ..simulation.evolve import PLAIN
from ..simulation.rows import Course, Departures, Ran, Row, rows_of
from ..simulation.run import simulate
from ..simulation.schemes import Scheme, Symmetric
from ..simulation.tuning import SmallestEta, best_free_fall

FACTORS = (1.0, 0.5, 0.25)
"""Of the step lengths; the error of leapfrog over a run goes with their square."""
_MOST = 5_000


def shorter(
    cases: Sequence[Case],
    step: TimeStep,
    gate: Gate,
    *,
    label: str,
    periods: float,
) -> Iterator[Row]:
    """Rows of a rule and of the best free-fall rule, plain and symmetric, with shorter steps.

    Arguments:
        cases: Systems of one N and D.
        step: The rule of the report.
        gate: What the free-fall rule is tuned to; the runs themselves are not judged.
        label: Name of the rule.
        periods: How long each case is followed.
    """
    course = Course.of(cases, gate, periods)
    for name, rule in {label: step, "best freefall": best_of_free_fall(cases, gate)}.items():
        for factor in FACTORS:
            for scheme in (PLAIN, Symmetric()):
                if scheme.history or not remembers(rule, course.system):
                    yield from _rows(course, name, Scaled(rule, factor), scheme)


def best_of_free_fall(cases: Sequence[Case], gate: Gate) -> FreeFall:
    """The best free-fall rule of one period of each case, with an eta for each."""
    system, until = (course := Course.of(cases, gate, 1.0)).system, course.until
    smallest = SmallestEta(gate.field, until)
    options = {"until": until, "max_steps": _MOST, "judge": False}
    simulate(system, Oracle(gate), gate, watch=smallest, **options)
    return best_free_fall(system, gate, until, smallest.eta, _MOST)


def _rows(course: Course, name: str, rule: TimeStep, scheme: Scheme) -> Iterator[Row]:
    """Rows of the cases that came to their end."""
    outcome, seconds = simulate(
        course.system,
        rule,
        course.gate,
        until=course.until,
        max_steps=_MOST,
        scheme=scheme,
        judge=False,
    )
    label = name if scheme.name == "plain" else f"{name} {scheme.name}"
    ran = Ran(label, scheme.name, outcome, seconds, course.followed(course.periods))
    unknown = Departures(*[torch.full_like(course.span, torch.nan)] * 3)
    yield from (row for row in rows_of(course, ran, unknown, None) if not row.note)
