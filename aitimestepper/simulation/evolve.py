"""Integrate a batch of systems, each with its own step, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from ..model.history import remembering
from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.state import System
from .blocks import Block, Standing, running
from .schemes import Now, Plain, Scheme
from .stepping import Course, step_cost, steps

__all__ = ["Block", "Standing", "depart", "evolve", "restrict"]

PLAIN = Plain()
_NUMBERS = 1 << 18
_BLOCK = 256


def restrict(step: TimeStep, rows: Tensor) -> TimeStep:
    """The rule for some of the systems: only rules that differ between systems care."""
    take = getattr(step, "take", None)
    return step if take is None else take(rows)


@torch.no_grad()
def depart(system: System, step: TimeStep, gate: Gate, scheme: Scheme = PLAIN) -> Standing:
    """The standing at the start; it takes one evaluation of the force, and those of `begin`."""
    rule = remembering(step)
    acceleration = gate.field.acceleration(system)
    now = Now(system, acceleration, rule.begin(system), torch.zeros_like(system.time))
    now = now._replace(memory=scheme.begin(now, rule))
    return Standing(torch.arange(len(system), device=system.time.device), now, 0)


@torch.no_grad()
def evolve(
    system: System,
    step: TimeStep,
    gate: Gate,
    *,
    until: Float[Tensor, " B"],
    max_steps: int | None = None,
    block: int | None = None,
    scheme: Scheme = PLAIN,
    guard: bool = False,
    since: Standing | None = None,
) -> Iterator[Block]:
    """Integrate every system to its own end, shortening the last step to land on it.

    The acceleration is handed from step to step, so T plain steps take T + 1 evaluations.

    Arguments:
        system: Initial states.
        step: Proposes the steps.
        gate: Brings the field and the integrator; unless `guard`, it judges nothing here, see
            `Block.errors`.
        until: Time to stop at [time], with shape (B,).
        max_steps: Steps to stop after, however much time is left.
        block: Steps between two yields; memory is proportional to it. 256, and fewer for many
            systems, when left out.
        scheme: Makes steps of what the rule says.
        guard: Try a step that fails the gate again, shorter.
        since: Go on from here, and not from `system`.
    """
    rows, now, taken = depart(system, step, gate, scheme) if since is None else since
    cost = step_cost(now, gate) if len(rows) else 0
    while len(rows) and (max_steps is None or taken < max_steps):
        count = block or max(1, min(_BLOCK, _NUMBERS // max(1, now.acceleration.numel())))
        count = count if max_steps is None else min(count, max_steps - taken)
        course = Course(remembering(restrict(step, rows)), gate, scheme, guard, cost)
        done = steps(rows, now, course, until[rows], count)
        yield done
        taken += count
        rows, now = running(done)
