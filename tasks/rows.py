"""Between the transitions that training yields and the rows that the store keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from aitimestepper.model.history import Window
from aitimestepper.physics.state import System
from aitimestepper.store.rows import Rows
from aitimestepper.store.schema import EPISODE_START, STOPPED, WARM_UP
from aitimestepper.training.collect import Transition
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.samples import Samples, flatten, try_first, unflatten
from aitimestepper.training.trainer import Training

_CHUNK = 8192


def rows_of(transitions: Sequence[Transition], epoch: int) -> Rows | None:
    """Rows of T lockstep steps, float64 whatever the precision of the training."""
    if not transitions:
        return None
    systems = [transition.samples.begin.system for transition in transitions]
    return Rows(
        position=_stacked([system.position for system in systems]),
        velocity=_stacked([system.velocity for system in systems]),
        time=_stacked([system.time for system in systems]),
        dt=_stacked([transition.dt for transition in transitions]),
        energy_error=_stacked([transition.error for transition in transitions]),
        attempts=_stacked([transition.attempts for transition in transitions], np.int32),
        epoch=np.full(len(transitions), epoch, np.int32),
        flags=_stacked([_flags(transition) for transition in transitions], np.uint8),
    )


def _flags(transition: Transition) -> Int[Tensor, " B"]:
    return (
        EPISODE_START * transition.fresh.int()
        + WARM_UP * transition.warm.int()
        + STOPPED * (~transition.running).int()
    )


def _stacked(tensors: Sequence[Tensor], dtype: type = np.float64) -> np.ndarray:
    return torch.stack(list(tensors)).cpu().numpy().astype(dtype)


def recorded_of(rows: Rows, mass: np.ndarray, training: Training) -> Recorded:
    """Samples from rows of the store, bit for bit those that were appended while training.

    Arguments:
        rows: T steps.
        mass: Masses [mass], with shape (B, N).
        training: Its model and gate say what a sample holds.
    """
    recorded = Recorded()
    ages = _ages(rows)
    for begin in range(0, rows.steps, _CHUNK):
        steps = slice(begin, begin + _CHUNK)
        samples = _samples(rows, mass, ages, steps, training)
        flags = torch.from_numpy(rows.flags[steps].reshape(-1)).to(samples.begin.energy.device)
        ran = (flags & STOPPED) == 0
        recorded.append(samples.take(ran), ((flags & WARM_UP) != 0)[ran])
    return recorded


def _ages(rows: Rows) -> np.ndarray:
    """Steps since the episode of each row began, with shape (T, B)."""
    step = np.arange(rows.steps)[:, None]
    starts = np.where(rows.flags & EPISODE_START, step, 0)
    return step - np.maximum.accumulate(starts, axis=0)


def _samples(
    rows: Rows, mass: np.ndarray, ages: np.ndarray, steps: slice, training: Training
) -> Samples:
    """Samples of some steps, each with the past that it had."""
    model, like = training.model, training.model.centre
    first = max(0, steps.start - model.length)
    system = _systems(rows.take(slice(first, steps.stop)), mass).to(like.device, like.dtype)
    with torch.no_grad():
        seen = model.features.observe(system).unflatten(0, (-1, len(mass)))
        skipped = steps.start - first
        present = system[slice(skipped * len(mass), None)]
        age = torch.from_numpy(ages[steps].reshape(-1)).to(like.device)
        window = _window(seen, skipped, age, model.length)
        if training.first is not try_first:
            return _attempted(present, window, len(mass), training)
        now = seen[skipped:].flatten(0, 1)
        return Samples(training.gate.start(present), model.shown(present, now, window))


def _attempted(system: System, window: Window, orbits: int, training: Training) -> Samples:
    """The samples that the compiled attempt made of these states: its bits are its own."""
    parts, running = [], torch.ones(orbits, dtype=torch.bool, device=system.time.device)
    for begin in range(0, len(system), orbits):
        rows = slice(begin, begin + orbits)
        some = training.first(
            system[rows], window.take(rows), training.model, training.gate, running
        )
        parts.append(flatten(some.samples))
    return unflatten([torch.cat(part) for part in zip(*parts, strict=True)])


def _window(
    seen: Float[Tensor, "S B R"], skipped: int, age: Int[Tensor, " R"], length: int
) -> Window:
    """The window of every row after the first `skipped` steps; it never crosses an episode."""
    step = torch.arange(skipped, len(seen), device=seen.device)
    past = [seen[(step - k).clamp(min=0)].flatten(0, 1) for k in range(1, length + 1)]
    known = [torch.where((age >= k)[:, None], p, 0.0) for k, p in enumerate(past, start=1)]
    empty = seen.new_zeros(len(age), 0, seen.shape[-1])
    return Window(torch.stack(known, 1) if known else empty, age.clamp(max=length))


def _systems(rows: Rows, mass: np.ndarray) -> System:
    """T B systems of N bodies, step by step."""
    masses = np.broadcast_to(mass, (rows.steps, *mass.shape))
    fields = (masses, rows.position, rows.velocity, rows.time)
    return System(*(torch.from_numpy(f.reshape(-1, *f.shape[2:]).copy()) for f in fields))
