"""The figures of one rule on one case: a row of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..physics.gate import Gate
from ..physics.state import System, join
from .blocks import Status
from .cases import Case
from .outcome import Outcome


class Row(NamedTuple):
    """How one rule did on one case; None where a figure was not measured or means nothing."""

    case: str
    rule: str
    threshold: float
    periods: float
    """How long the case was followed; in horizons where it has no period."""
    steps: int
    evaluations: int
    """Evaluations of the force, with those of proposals, iterations and tries."""
    violations: int | None
    """Steps that the gate would have refused."""
    worst_step_error: float | None
    energy_error_max: float
    energy_error_final: float
    steps_over_oracle: float | None
    """Steps per time over those of the oracle on the same case."""
    wall_seconds: float
    """Of the steps, with inference, without judging; the share of the case in its batch."""
    scheme: str = "plain"
    time: float = 0.0
    """Time at the end [time]."""
    phase_error: float | None = None
    """Angle along the orbit from the exact motion of two bodies, at the end [rad]."""
    position_error: float | None = None
    """Largest distance of a body from the exact motion, or the published state, at the end."""
    momentum_error: float | None = None
    angular_momentum_error: float | None = None
    reversal_error: float | None = None
    """Distance from the start after steps there and back, over the size of the system."""
    note: str = ""
    """What a reader of the row must know, such as a run cut short."""


class Course(NamedTuple):
    """What all rules of an evaluation have in common."""

    cases: Sequence[Case]
    system: System
    """Initial states of the cases, side by side."""
    span: Float[Tensor, " B"]
    """Period of each case, or its horizon [time]."""
    periods: float
    gate: Gate

    @classmethod
    def of(cls, cases: Sequence[Case], gate: Gate, periods: float) -> Course:
        """Cases of one N and D side by side, each with a period or a horizon."""
        system = join([case.system for case in cases])
        spans = torch.tensor([case.span for case in cases], dtype=system.time.dtype)
        return cls(cases, system, spans, periods, gate)

    @property
    def until(self) -> Float[Tensor, " B"]:
        """Where the runs end [time]."""
        return self.end(self.periods)

    def end(self, periods: float) -> Float[Tensor, " B"]:
        """The end after some periods [time]; a case without a period goes to its horizon."""
        return self.system.time + self.followed(periods) * self.span

    def followed(self, periods: float) -> Float[Tensor, " B"]:
        """How many periods, or horizons, that is."""
        repeats = torch.tensor([case.period is not None for case in self.cases])
        return torch.where(repeats, periods, 1.0).to(self.span)


class Ran(NamedTuple):
    """One rule after its run."""

    rule: str
    scheme: str
    outcome: Outcome
    seconds: float
    periods: Float[Tensor, " B"]
    """How long each case was to be followed."""


class Departures(NamedTuple):
    """How far the cases ended from where they should be; NaN where nobody knows."""

    phase: Float[Tensor, " B"]
    position: Float[Tensor, " B"]
    reversal: Float[Tensor, " B"]


def rows_of(
    course: Course, ran: Ran, away: Departures, oracle: Float[Tensor, " B"] | None
) -> Iterator[Row]:
    """The rows of one rule.

    Arguments:
        course: What was run.
        ran: The run of the rule.
        away: How far it ended from the truth.
        oracle: Steps per time of the oracle, with shape (B,); NaN where it did not get far.
    """
    o, none = ran.outcome, torch.full_like(course.span, torch.nan)
    rate = o.steps / (o.end.time - course.system.time)
    over = none if oracle is None else rate / oracle
    worst = none if o.worst_step is None else o.worst_step
    for i, case in enumerate(course.cases):
        yield Row(
            case=case.name,
            rule=ran.rule,
            threshold=course.gate.threshold,
            periods=ran.periods[i].item(),
            steps=int(o.steps[i]),
            evaluations=int(o.evaluations[i]),
            violations=None if o.violations is None else int(o.violations[i]),
            worst_step_error=known(worst[i]),
            energy_error_max=o.energy_error_max[i].item(),
            energy_error_final=o.energy_error_final[i].item(),
            steps_over_oracle=known(over[i]),
            wall_seconds=ran.seconds * (o.steps[i] / o.steps.sum()).item(),
            scheme=ran.scheme,
            time=o.end.time[i].item(),
            phase_error=known(away.phase[i]),
            position_error=known(away.position[i]),
            momentum_error=o.momentum_error[i].item(),
            angular_momentum_error=o.angular_momentum_error[i].item(),
            reversal_error=known(away.reversal[i]),
            note=_note(Status(int(o.status[i])), int(o.steps[i]), o.end.time[i].item()),
        )


def known(value: Tensor) -> float | None:
    """A number, or None for NaN."""
    return None if bool(value.isnan()) else value.item()


def _note(status: Status, steps: int, time: float) -> str:
    notes = {
        Status.DONE: "",
        Status.RUNNING: f"cut short after {steps} steps, at t = {time:.6g}",
        Status.NO_STEP: f"no way forward at t = {time:.6g}",
        Status.STUCK: f"no step passes at t = {time:.6g}",
    }
    return notes[status]
