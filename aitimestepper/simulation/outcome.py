"""What a simulation comes to: steps, errors and violations of every system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..model.timestep import TimeStep
from ..physics.conserved import angular_momentum, momentum, total_energy
from ..physics.gate import Gate
from ..physics.state import System, join
from ..physics.unknown import infinite_if_nan
from ..physics.work import time_dependent, work
from .blocks import Block
from .schemes import Scheme


@dataclass(frozen=True)
class Outcome:
    """Figures of B systems; each error is relative and the largest of the run, or the last."""

    end: System
    status: Int[Tensor, " B"]
    """How it stands with each system, a `Status`."""
    steps: Int[Tensor, " B"]
    evaluations: Int[Tensor, " B"]
    """Evaluations of the force: the first one, tries, probes of the guard and iterations too."""
    rejected: Int[Tensor, " B"]
    """Tries that the guard refused."""
    energy_error_max: Float[Tensor, " B"]
    energy_error_final: Float[Tensor, " B"]
    momentum_error: Float[Tensor, " B"]
    """Change of momentum over the sum of m |v| at the start or the end, whichever is larger."""
    angular_momentum_error: Float[Tensor, " B"]
    """Change of angular momentum over the sum of m |x| |v|, likewise."""
    violations: Int[Tensor, " B"] | None
    """Steps that the gate would have refused; None where nobody judged."""
    worst_step: Float[Tensor, " B"] | None
    """Largest error of one step, probes included."""


class Sums(NamedTuple):
    """What a run has come to so far, of each system."""

    end: System
    status: Int[Tensor, " B"]
    steps: Int[Tensor, " B"]
    evaluations: Int[Tensor, " B"]
    rejected: Int[Tensor, " B"]
    violations: Int[Tensor, " B"]
    worst: Float[Tensor, " B"]
    largest: Float[Tensor, " B"]
    drift: Float[Tensor, " B"]
    """Relative energy error now, with its sign."""
    work: Float[Tensor, " B"]
    """Work that a field changing with time has done; the energy error does not count it."""


def _nothing(system: System, evaluations: int) -> Sums:
    """The sums before the first step."""
    count = torch.zeros_like(system.time, dtype=torch.long)
    zero = torch.zeros_like(system.time)
    return Sums(system, count, count, count + evaluations, count, count, zero, zero, zero, zero)


def opening(step: TimeStep, scheme: Scheme) -> int:
    """Evaluations of the force before the first step: the acceleration, and what a scheme asks."""
    return 1 + scheme.opening * getattr(step, "evaluations", 0)


class Tally:
    """Adds up blocks into an `Outcome`.

    Arguments:
        system: Initial states.
        gate: Judges every step.
        opening: Evaluations of the force before the first step.
        judge: Whether to judge steps that no guard has judged; it takes the gate's probes.
        sums: What the run had come to when it was interrupted.
    """

    def __init__(
        self,
        system: System,
        gate: Gate,
        opening: int = 1,
        *,
        judge: bool = True,
        sums: Sums | None = None,
    ) -> None:
        self._gate, self._begin, self._judge = gate, system, judge
        self._energy = total_energy(system, gate.field)
        self.errors = torch.zeros_like(system.time)[None]
        """Relative energy error after each step of the last block, with its sign; (T, R)."""
        self.sums = _nothing(system, opening) if sums is None else sums

    def add(self, block: Block) -> None:
        """Count one block."""
        rows, taken, old = block.rows, block.dt != 0, self.sums
        worst, violations = old.worst, old.violations
        if self._judge or block.error is not None:
            error = block.errors(self._gate)
            bad = taken & ~(error <= self._gate.threshold)
            worst = _raise(worst, rows, error)
            violations = violations.index_add(0, rows, bad.sum(0))
        work = self._work(block)
        self.errors = self._errors(block, work)
        self.sums = Sums(
            _replace(old.end, rows, block.end),
            old.status.index_copy(0, rows, block.status),
            old.steps.index_add(0, rows, taken.sum(0)),
            old.evaluations.index_add(0, rows, block.evaluations),
            old.rejected.index_add(0, rows, block.rejected),
            violations,
            worst,
            _raise(old.largest, rows, self.errors.abs()),
            old.drift.index_copy(0, rows, self.errors[-1]),
            old.work.index_copy(0, rows, work[-1]),
        )

    def _work(self, block: Block) -> Float[Tensor, "T R"]:
        """Work done up to the end of each step; of fields that change with time."""
        field, before = self._gate.field, self.sums.work[block.rows]
        if not time_dependent(field):
            return before.expand(block.dt.shape)
        done = work(field, block.begin.system, block.after).view(block.dt.shape)
        return before + done.cumsum(0)

    def _errors(self, block: Block, work: Tensor) -> Float[Tensor, "T R"]:
        many = len(block.rows)
        energy = torch.cat([block.begin.energy[many:], total_energy(block.end, self._gate.field)])
        reference = self._energy[block.rows]
        return (energy.view(-1, many) - reference - work) / reference

    def outcome(self, guard: bool = False) -> Outcome:
        """The figures so far; with `guard` every step has been judged."""
        sums, judged = self.sums, self._judge or guard
        return Outcome(
            sums.end,
            sums.status,
            sums.steps,
            sums.evaluations,
            sums.rejected,
            sums.largest,
            infinite_if_nan(sums.drift.abs()),
            _change(momentum, _sizes(self._begin, False), self._begin, sums.end),
            _change(angular_momentum, _sizes(self._begin, True), self._begin, sums.end),
            sums.violations if judged else None,
            sums.worst if judged else None,
        )


def _raise(known: Tensor, rows: Tensor, values: Tensor) -> Float[Tensor, " B"]:
    """The larger of what is known and the largest of a block; NaN counts as infinite."""
    worst = infinite_if_nan(values).amax(0)
    return known.index_copy(0, rows, torch.maximum(known[rows], worst))


def _replace(system: System, rows: Tensor, new: System) -> System:
    return System(*(old.index_copy(0, rows, part) for old, part in zip(system, new, strict=True)))


def _sizes(system: System, lever: bool) -> Float[Tensor, " B"]:
    size = system.mass * system.velocity.norm(dim=-1)
    return (size * system.position.norm(dim=-1) if lever else size).sum(-1)


def _change(quantity, begin_size: Tensor, begin: System, end: System) -> Float[Tensor, " B"]:
    size = torch.maximum(begin_size, _sizes(end, quantity is angular_momentum))
    change = (quantity(end) - quantity(begin)).norm(dim=-1)
    return infinite_if_nan(torch.where(size > 0, change / size, change))


def gather(outcomes: list[Outcome]) -> Outcome:
    """One outcome out of several, in the order given."""
    names = [name for name in Outcome.__dataclass_fields__ if name != "end"]
    columns = {name: [getattr(o, name) for o in outcomes] for name in names}
    figures: dict[str, Any] = {
        k: None if c[0] is None else torch.cat(c) for k, c in columns.items()
    }
    return Outcome(end=join([o.end for o in outcomes]), **figures)
