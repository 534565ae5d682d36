"""Simulate systems with any time step rule and measure what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.state import System
from .blocks import Block
from .evolve import PLAIN, Standing, evolve
from .outcome import Outcome, Sums, Tally, opening
from .schemes import Scheme


class Interrupted(NamedTuple):
    """A run to go on with."""

    standing: Standing
    sums: Sums


class Progress(NamedTuple):
    """How far a run has come."""

    taken: int
    """Steps of the system that took most."""
    time: float
    """Of the slowest system [time]."""
    share: float
    """Of the way to the end that this system has behind it; 0 where the end is no time."""
    energy_error: float
    """Largest relative energy error so far."""


class Clocked:
    """An iterator that knows how long it took to make what it gave.

    Arguments:
        blocks: What to go through.
    """

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Block]:
        """The same blocks."""
        while True:
            begin = time.perf_counter()
            block = next(self._blocks, None)
            self.seconds += time.perf_counter() - begin
            if block is None:
                return
            yield block


Watch = Callable[[Block, Tally], None]
"""Told of every block of steps and of the sums up to there, to write down or to show progress."""


def simulate(
    system: System,
    step: TimeStep,
    gate: Gate,
    *,
    until: Float[Tensor, " B"],
    max_steps: int | None = None,
    scheme: Scheme = PLAIN,
    guard: bool = False,
    judge: bool = True,
    watch: Watch | None = None,
    since: Interrupted | None = None,
) -> tuple[Outcome, float]:
    """Follow every system to its end.

    Arguments:
        system: Initial states.
        step: Proposes the steps.
        gate: Judges every step; it refuses none unless `guard`.
        until: Time to stop at [time], with shape (B,).
        max_steps: Steps to stop after, however much time is left.
        scheme: Makes steps of what the rule says.
        guard: Try a step that fails the gate again, shorter.
        judge: Whether to judge steps that no guard judges; it takes longer than the run itself.
        watch: Told of every block.
        since: Go on from here.

    Returns:
        What came of it, and the seconds that the steps took, with inference, without judging.
    """
    sums = since.sums if since else None
    tally = Tally(system, gate, opening(step, scheme), judge=judge, sums=sums)
    blocks = Clocked(
        evolve(
            system,
            step,
            gate,
            until=until,
            max_steps=max_steps,
            scheme=scheme,
            guard=guard,
            since=since.standing if since else None,
        )
    )
    for block in blocks:
        tally.add(block)
        if watch is not None:
            watch(block, tally)
    return tally.outcome(guard), blocks.seconds
