"""A time step rule beside the limit of one-step control and the best classical rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..model.history import remembers
from ..model.rules import Oracle
from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.kepler import elements
from ..physics.state import join
from .blocks import Block, Status
from .cases import Case
from .evolve import PLAIN
from .outcome import Outcome, Tally
from .rows import Course, Departures, Ran, Row, rows_of
from .run import Watch, simulate
from .schemes import Scheme, Symmetric
from .truth import phase_error, position_error, reversal_error
from .tuning import SmallestEta, best_aarseth, best_fixed, best_free_fall, unit_aarseth

__all__ = ["MOST", "Row", "announced", "eccentricities", "evaluate"]

MOST = 20_000
"""Steps after which a run is cut short, unless something else is asked for."""
_BACK = 200


def evaluate(
    cases: Sequence[Case],
    step: TimeStep,
    gate: Gate,
    *,
    label: str,
    periods: float,
    full: bool = False,
    most: int | None = None,
) -> Iterator[Row]:
    """Run a rule, the oracle and the tuned rivals on cases of one (N, D), side by side.

    The best fixed step is found for pairs and followed for one period at most: it repeats itself,
    and at high eccentricity it is the only rule whose run takes longer than all others together.

    Arguments:
        cases: Systems to run, each with a period or a horizon.
        step: The rule to judge.
        gate: Judges every step; also what the rivals are tuned to.
        label: Name of the rule in the rows.
        periods: How long to follow each case; one without a period goes to its horizon.
        full: Also the rule in the symmetric scheme, a tuned step of Aarseth's kind, and the time
            reversal error.
        most: Steps after which a run is cut short; the fixed step repeats itself and is not.
    """
    trial = _Trial(Course.of(cases, gate, periods), full, most)
    course = trial.course
    allowed = SmallestEta(gate.field, course.until)
    by_aarseth = SmallestEta(gate.field, course.until, unit_aarseth(gate.field))

    def both(block: Block, tally: Tally) -> None:
        allowed(block, tally)
        if full:
            by_aarseth(block, tally)

    oracle = trial.ran("oracle", Oracle(gate), watch=both)
    trial.set_oracle(oracle.outcome)
    yield from trial.rows(oracle)
    yield from trial.judged(label, step)
    if full and not remembers(step, course.system):
        yield from trial.judged(f"{label} symmetric", step, Symmetric())
    tuned = course.system, gate, course.until
    yield from trial.judged("best freefall", best_free_fall(*tuned, allowed.eta, most))
    if full:
        yield from trial.judged("best aarseth", best_aarseth(*tuned, by_aarseth.eta, most))
    if course.system.mass.shape[1] == 2:
        fixed = best_fixed(course.system, gate, course.span)
        ran = trial.ran("best fixed", fixed, periods=min(periods, 1.0))
        yield from trial.rows(ran, fixed)


class _Trial:
    """Runs rules on one course and makes their rows."""

    def __init__(self, course: Course, full: bool, most: int | None) -> None:
        self.course, self._full, self._most = course, full, most
        self._oracle: Float[Tensor, " B"] | None = None

    def set_oracle(self, outcome: Outcome) -> None:
        """Remember the steps per time of the oracle, where it came to the end."""
        rate = outcome.steps / (outcome.end.time - self.course.system.time)
        self._oracle = torch.where(outcome.status == Status.DONE, rate, torch.nan)

    def judged(self, label: str, step: TimeStep, scheme: Scheme = PLAIN) -> Iterator[Row]:
        """Run a rule to the end of the course."""
        yield from self.rows(self.ran(label, step, scheme), step, scheme)

    def ran(
        self,
        label: str,
        step: TimeStep,
        scheme: Scheme = PLAIN,
        *,
        periods: float | None = None,
        watch: Watch | None = None,
    ) -> Ran:
        """Run a rule; for some periods only it is not cut short."""
        course, whole = self.course, periods is None
        periods = course.periods if periods is None else periods
        outcome, seconds = simulate(
            course.system,
            step,
            course.gate,
            until=course.end(periods),
            max_steps=self._most if whole else None,
            scheme=scheme,
            watch=watch,
        )
        return Ran(label, scheme.name, outcome, seconds, course.followed(periods))

    def rows(self, ran: Ran, step: TimeStep | None = None, scheme: Scheme = PLAIN) -> Iterator[Row]:
        """The rows of a run; its time reversal error where the rule is given."""
        course, end = self.course, ran.outcome.end
        back = torch.full_like(course.span, torch.nan)
        if self._full and step is not None:
            back = reversal_error(course.system, step, course.gate, scheme, _BACK)
        away = Departures(
            phase_error(course.system, end, course.gate.field),
            position_error(course.cases, course.system, end, course.gate.field),
            back,
        )
        yield from rows_of(course, ran, away, self._oracle)


def announced(rows: Iterable[Row], tell: Callable[[str], None]) -> Iterator[Row]:
    """The same rows; `tell` hears of every rule as its first row comes by."""
    told = ""
    for row in rows:
        if row.rule != told:
            told = row.rule
            tell(told)
        yield row


def eccentricities(cases: Sequence[Case]) -> list[float]:
    """Eccentricity of each pair."""
    return elements(join([case.system for case in cases])).eccentricity.tolist()
