"""A time step rule beside the limit of one-step control and the best classical rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch

from ..model.rules import Oracle
from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.kepler import elements
from ..physics.state import System, join
from .cases import Case
from .outcome import Outcome
from .run import Watch, simulate
from .tuning import SmallestEta, best_fixed, best_free_fall


class Row(NamedTuple):
    """How one rule did on one case."""

    case: str
    rule: str
    threshold: float
    periods: float
    """How long the case was followed."""
    steps: int
    evaluations: int
    violations: int
    """Steps that the gate would have refused."""
    worst_step_error: float
    energy_error_max: float
    energy_error_final: float
    steps_over_oracle: float
    """Steps per period over those of the oracle on the same case."""
    wall_seconds: float
    """Share of the time of the batch that the case ran in, by steps."""


def evaluate(
    cases: Sequence[Case], step: TimeStep, gate: Gate, *, label: str, periods: float
) -> Iterator[Row]:
    """Run a rule, the oracle and the tuned rivals on cases with a period and one (N, D).

    The best fixed step is found for pairs and followed for one period at most: it repeats itself,
    and at high eccentricity it is the only rule whose run takes longer than all others together.

    Arguments:
        cases: Systems to run, side by side.
        step: The rule to judge.
        gate: Judges every step; also what the rivals are tuned to.
        label: Name of the rule in the rows.
        periods: How long to follow each case.
    """
    system = join([case.system for case in cases])
    span = torch.tensor([case.period for case in cases], dtype=system.time.dtype)
    until = periods * span
    allowed = SmallestEta(gate.field, until)
    oracle = _timed(system, Oracle(gate), gate, until, allowed)
    per_period = oracle[0].steps / periods
    yield from _rows(cases, "oracle", gate, periods, oracle, per_period)
    learned = _timed(system, step, gate, until)
    yield from _rows(cases, label, gate, periods, learned, per_period)
    free_fall = best_free_fall(system, gate, until, allowed.eta)
    rival = _timed(system, free_fall, gate, until)
    yield from _rows(cases, "best freefall", gate, periods, rival, per_period)
    if system.mass.shape[1] == 2:
        once = min(periods, 1.0)
        fixed = _timed(system, best_fixed(system, gate, span), gate, once * span)
        yield from _rows(cases, "best fixed", gate, once, fixed, per_period)


def announced(rows: Iterable[Row], tell: Callable[[str], None]) -> Iterator[Row]:
    """The same rows; `tell` hears of every rule as its first row comes by."""
    told = ""
    for row in rows:
        if row.rule != told:
            told = row.rule
            tell(told)
        yield row


def _timed(
    system: System,
    step: TimeStep,
    gate: Gate,
    until: torch.Tensor,
    watch: Watch | None = None,
) -> tuple[Outcome, float]:
    return simulate(system, step, gate, until=until, watch=watch)


def _rows(
    cases: Sequence[Case],
    label: str,
    gate: Gate,
    periods: float,
    run: tuple[Outcome, float],
    oracle_per_period: torch.Tensor,
) -> Iterator[Row]:
    outcome, seconds = run
    share = seconds * outcome.steps / outcome.steps.sum()
    over = outcome.steps / periods / oracle_per_period
    for i, case in enumerate(cases):
        yield Row(
            case=case.name,
            rule=label,
            threshold=gate.threshold,
            periods=periods,
            steps=int(outcome.steps[i]),
            evaluations=int(outcome.evaluations[i]),
            violations=int(outcome.violations[i]),
            worst_step_error=outcome.worst_step[i].item(),
            energy_error_max=outcome.energy_error_max[i].item(),
            energy_error_final=outcome.energy_error_final[i].item(),
            steps_over_oracle=over[i].item(),
            wall_seconds=share[i].item(),
        )


def eccentricities(cases: Sequence[Case]) -> list[float]:
    """Eccentricity of each pair."""
    return elements(join([case.system for case in cases])).eccentricity.tolist()
