"""What a simulation comes to: steps, errors and violations of every system."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..physics.conserved import angular_momentum, momentum, total_energy
from ..physics.gate import Gate
from ..physics.state import System, join
from .evolve import Block


@dataclass(frozen=True)
class Outcome:
    """Figures of B systems; each error is relative and the largest of the run, or the last."""

    end: System
    steps: Int[Tensor, " B"]
    evaluations: Int[Tensor, " B"]
    """Evaluations of the force, the first one included."""
    energy_error_max: Float[Tensor, " B"]
    energy_error_final: Float[Tensor, " B"]
    momentum_error: Float[Tensor, " B"]
    """Change of momentum over the sum of m |v| at the start or the end, whichever is larger."""
    angular_momentum_error: Float[Tensor, " B"]
    """Change of angular momentum over the sum of m |x| |v|, likewise."""
    violations: Int[Tensor, " B"]
    """Steps that the gate would have refused."""
    worst_step: Float[Tensor, " B"]
    """Largest error of one step, probes included."""


class Tally:
    """Adds up blocks into an `Outcome`.

    Arguments:
        system: Initial states.
        gate: Judges every step.
        proposal: Evaluations of the force that the rule makes for one proposal.
    """

    def __init__(self, system: System, gate: Gate, proposal: int) -> None:
        count = torch.zeros(len(system), dtype=torch.long, device=system.time.device)
        self._gate, self._begin, self.end = gate, system, system
        self._per_step = 1 + proposal
        self._energy = total_energy(system, gate.field)
        self.steps, self.violations = count, count.clone()
        self.worst, self.largest = torch.zeros_like(system.time), torch.zeros_like(system.time)

    def add(self, block: Block) -> None:
        """Count one block."""
        rows, taken = block.rows, block.dt != 0
        error = block.errors(self._gate)
        bad = taken & ~(error <= self._gate.threshold)
        self.steps = self.steps.index_add(0, rows, taken.sum(0))
        self.violations = self.violations.index_add(0, rows, bad.sum(0))
        self.worst = self._raise(self.worst, rows, error)
        self.largest = self._raise(self.largest, rows, self._drift(block))
        self.end = _replace(self.end, rows, block.end)

    def _drift(self, block: Block) -> Float[Tensor, "T R"]:
        energy = torch.cat([block.begin.energy, total_energy(block.end, self._gate.field)])
        reference = self._energy[block.rows]
        return ((energy.view(-1, len(block.rows)) - reference) / reference).abs()

    @staticmethod
    def _raise(known: Tensor, rows: Tensor, values: Tensor) -> Tensor:
        """The larger of what is known and the largest of a block; NaN counts as infinite."""
        worst = values.nan_to_num(nan=torch.inf, posinf=torch.inf).amax(0)
        return known.index_copy(0, rows, torch.maximum(known[rows], worst))

    def outcome(self) -> Outcome:
        """The figures so far."""
        final = (total_energy(self.end, self._gate.field) - self._energy) / self._energy
        return Outcome(
            self.end,
            self.steps,
            self._per_step * self.steps + 1,
            self.largest,
            final.abs().nan_to_num(nan=torch.inf, posinf=torch.inf),
            _change(momentum, _sizes(self._begin, False), self._begin, self.end),
            _change(angular_momentum, _sizes(self._begin, True), self._begin, self.end),
            self.violations,
            self.worst,
        )


def _replace(system: System, rows: Tensor, new: System) -> System:
    return System(*(old.index_copy(0, rows, part) for old, part in zip(system, new, strict=True)))


def _sizes(system: System, lever: bool) -> Float[Tensor, " B"]:
    size = system.mass * system.velocity.norm(dim=-1)
    return (size * system.position.norm(dim=-1) if lever else size).sum(-1)


def _change(quantity, begin_size: Tensor, begin: System, end: System) -> Float[Tensor, " B"]:
    size = torch.maximum(begin_size, _sizes(end, quantity is angular_momentum))
    change = (quantity(end) - quantity(begin)).norm(dim=-1)
    return torch.where(size > 0, change / size, change).nan_to_num(nan=torch.inf, posinf=torch.inf)


def gather(outcomes: list[Outcome]) -> Outcome:
    """One outcome out of several, in the order given."""
    figures = {
        name: torch.cat([getattr(o, name) for o in outcomes])
        for name in Outcome.__dataclass_fields__
        if name != "end"
    }
    return Outcome(end=join([o.end for o in outcomes]), **figures)
