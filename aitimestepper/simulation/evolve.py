"""Integrate a batch of systems, each with its own step, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..model.timestep import TimeStep
from ..physics.conserved import total_energy
from ..physics.gate import Gate, Start
from ..physics.state import System, join

_PIECE = 16_384


class Block(NamedTuple):
    """T consecutive steps of the systems that were still running."""

    rows: Int[Tensor, " R"]
    """Which systems of the batch."""
    begin: Start
    """States before the steps, T x R in a row: step t of system r is entry t R + r."""
    dt: Float[Tensor, "T R"]
    """Steps taken [time]; zero once a system has arrived, NaN where the rule gave no step."""
    end: System
    """States after the last step, with R rows."""

    def errors(self, gate: Gate) -> Float[Tensor, "T R"]:
        """What the gate thinks of every step; judged in pieces, so that probes take no room."""
        lengths = self.dt.reshape(-1)
        pieces = [slice(k, k + _PIECE) for k in range(0, len(lengths), _PIECE)]
        errors = [gate.attempt(self.begin.take(piece), lengths[piece]).error for piece in pieces]
        return torch.cat(errors).view(self.dt.shape)


class _Trip(NamedTuple):
    """What was before each step, how long each was, and where they led."""

    begin: Start
    dt: Float[Tensor, "T R"]
    end: System
    acceleration: Float[Tensor, "R N D"]


def restrict(step: TimeStep, rows: Tensor) -> TimeStep:
    """The rule for some of the systems: only rules that differ between systems care."""
    take = getattr(step, "take", None)
    return step if take is None else take(rows)


@torch.no_grad()
def evolve(
    system: System,
    step: TimeStep,
    gate: Gate,
    *,
    until: Float[Tensor, " B"],
    max_steps: int | None = None,
    block: int = 256,
) -> Iterator[Block]:
    """Integrate every system to its own end, shortening the last step to land on it.

    The acceleration is handed from step to step, so T steps take T + 1 evaluations of the force.

    Arguments:
        system: Initial states.
        step: Proposes the steps.
        gate: Brings the field and the integrator; it judges nothing here, see `Block.errors`.
        until: Time to stop at [time], with shape (B,).
        max_steps: Steps to stop after, however much time is left.
        block: Steps between two yields; memory is proportional to it.
    """
    rows = torch.arange(len(system), device=until.device)
    taken = 0
    acceleration = gate.field.acceleration(system)
    while len(rows) and (max_steps is None or taken < max_steps):
        count = block if max_steps is None else min(block, max_steps - taken)
        trip = _run(system, acceleration, restrict(step, rows), gate, until[rows], count)
        system, acceleration = trip.end, trip.acceleration
        yield Block(rows, trip.begin, trip.dt, system)
        taken += count
        running = (system.time < until[rows]).nonzero()[:, 0]
        if len(running) < len(rows):
            rows, system, acceleration = rows[running], system[running], acceleration[running]


def _run(
    system: System, acceleration: Tensor, step: TimeStep, gate: Gate, until: Tensor, count: int
) -> _Trip:
    """At most `count` steps. A rule that proposes no way forward ends a system with NaN."""
    systems, accelerations, lengths = [], [], []
    for _ in range(count):
        remaining = until - system.time  # NaN once a rule has led nowhere
        going = remaining > 0
        if not bool(going.any()):
            break
        proposed = step(system)
        dt = torch.where(proposed > 0, torch.minimum(proposed, remaining), torch.nan)
        dt = torch.where(going, dt, 0.0)
        systems.append(system)
        accelerations.append(acceleration)
        lengths.append(dt)
        system, acceleration = gate.integrator(system, dt, gate.field, acceleration)
        time = torch.where(dt == remaining, until, system.time)
        system = System(system.mass, system.position, system.velocity, time)
    before = join(systems)
    energy = total_energy(before, gate.field)
    return _Trip(
        Start(before, torch.cat(accelerations), energy), torch.stack(lengths), system, acceleration
    )
