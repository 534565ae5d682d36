"""Phase 1: every orbit attempts a step until the gate accepts it, then all advance together."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..physics.gate import Attempt, Gate
from ..physics.state import System
from ..physics.unknown import infinite_if_nan
from .errors import AttemptsExhausted
from .samples import Held, Samples, Tried, judge, sound
from .trainer import Training


class Attempted(NamedTuple):
    """How one round of attempts ended; some orbits failed it."""

    step: int
    """Index of the lockstep step within the phase."""
    attempt: int
    """Rounds so far in this step."""
    failing: int
    """Orbits that have not passed yet."""
    orbits: int
    worst: float
    """Largest error over threshold of the round; infinite if a step blew up."""


class Transition(NamedTuple):
    """One accepted step of every orbit."""

    samples: Samples
    """States before the step."""
    dt: Float[Tensor, " B"]
    error: Float[Tensor, " B"]
    attempts: Int[Tensor, " B"]
    fresh: Bool[Tensor, " B"]
    """Orbits that begin an episode with this step."""
    warm: Bool[Tensor, " B"]
    """Orbits whose history was not yet full."""
    running: Bool[Tensor, " B"]
    """Orbits that took a step; the others have stopped, and their rows say nothing."""


def collect(
    training: Training, *, steps: int, max_attempts: int | None = None
) -> Iterator[Attempted | Transition]:
    """Record `steps` accepted transitions of every orbit, training on the states that fail.

    Arguments:
        training: Changed in place.
        steps: Accepted steps to record per orbit.
        max_attempts: Attempts per step before giving up; `None` never gives up.

    Yields:
        `Attempted` after every round that left failures, `Transition` after every step. Once
        every orbit has stopped there are no more.

    Raises:
        AttemptsExhausted: A state failed `max_attempts` times.
    """
    orbits = training.orbits
    for step in range(steps):
        running = orbits.running
        if not bool(running.any()):
            return
        tried = training.attempt()
        held, attempts = yield from _until_all_pass(training, tried, step, max_attempts)
        warm = ~orbits.window.full
        yield Transition(tried.samples, held.dt, held.error, attempts, orbits.fresh, warm, running)
        orbits.advance(held.system, held.sound)


def _until_all_pass(
    training: Training, tried: Tried, step: int, max_attempts: int | None
) -> Generator[Attempted, None, tuple[Held, Int[Tensor, " B"]]]:
    """Where every orbit got to, and how many attempts it took."""
    samples, held, pending = tried
    error, attempt = held.error, 1
    attempts = training.orbits.running.to(torch.int32)
    while bool(pending.any()):
        rows = pending.nonzero()[:, 0]
        yield _report(training, error, step, attempt, len(rows))
        if max_attempts is not None and attempt >= max_attempts:
            raise _gave_up(training, step, attempt, len(rows))
        failed = samples.take(rows)
        training.update(failed)
        attempt += 1
        trial = judge(failed, training.model, training.gate)
        held, error = _replaced(held, rows, trial, training.gate), trial.error
        attempts = attempts.index_fill(0, rows, attempt)
        pending = pending.index_copy(0, rows, ~training.gate.passes(trial))
    return held, attempts


def _replaced(held: Held, rows: Int[Tensor, " R"], trial: Attempt, gate: Gate) -> Held:
    """Replace the rows that were tried again; the others keep what they passed with."""
    system = System(
        *(old.index_copy(0, rows, new) for old, new in zip(held.system, trial.system, strict=True))
    )
    return Held(
        system,
        held.sound.index_copy(0, rows, sound(trial, gate)),
        held.dt.index_copy(0, rows, trial.dt),
        held.error.index_copy(0, rows, trial.error),
    )


def _report(
    training: Training, error: Float[Tensor, " R"], step: int, attempt: int, failing: int
) -> Attempted:
    worst = infinite_if_nan(error).max().item() / training.gate.threshold
    return Attempted(step, attempt, failing, int(training.orbits.running.sum()), worst)


def _gave_up(training: Training, step: int, attempt: int, failing: int) -> AttemptsExhausted:
    count = int(training.orbits.running.sum())
    return AttemptsExhausted(
        f"Step {step + 1} of the collect phase still fails for {failing} of {count} orbits after "
        f"{attempt} attempts (collect.max_attempts); nothing recorded before is lost. Run the same "
        "command with a larger --collect.max-attempts, or without it, to go on."
    )
