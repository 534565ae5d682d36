"""Simulate systems with any time step rule and measure what came of it."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.state import System
from .evolve import Block, evolve
from .outcome import Outcome, Tally


def simulate(
    system: System,
    step: TimeStep,
    gate: Gate,
    *,
    until: Float[Tensor, " B"],
    max_steps: int | None = None,
    watch: Callable[[Block], None] | None = None,
) -> Outcome:
    """Follow every system to its end with the plain scheme: dt(state), then one step.

    Arguments:
        system: Initial states.
        step: Proposes the steps.
        gate: Judges every step; it refuses none.
        until: Time to stop at [time], with shape (B,).
        max_steps: Steps to stop after, however much time is left.
        watch: Told of every block of steps, to write it down or to show progress.
    """
    tally = Tally(system, gate, getattr(step, "evaluations", 0))
    for block in evolve(system, step, gate, until=until, max_steps=max_steps):
        tally.add(block)
        if watch is not None:
            watch(block)
    return tally.outcome()
