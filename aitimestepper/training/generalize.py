"""Phase 2: minibatches over everything recorded, until every sample passes under the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..physics.unknown import infinite_if_nan
from .errors import IterationsExhausted
from .recorded import Recorded
from .samples import judge
from .trainer import Training

_CHUNK = 8192


class Sweep(NamedTuple):
    """What one pass over every recorded sample found."""

    iterations: int
    """Updates of this phase so far."""
    rows: int
    failing: int
    """Samples that are refused, or closer to the threshold than the margin."""
    worst: float
    """Largest error over threshold; infinite if a step blew up."""
    median: float
    """Median error over threshold."""
    eta: float
    """Median step over free-fall time."""


def generalize(
    training: Training,
    recorded: Recorded,
    *,
    batch_size: int,
    failing_size: int,
    sweep_every: int,
    min_iterations: int,
    max_iterations: int | None = None,
    margin: float = 1.0,
) -> Iterator[Sweep]:
    """Train on random minibatches until a full sweep finds every recorded sample passing.

    Every phase trains at least `min_iterations` updates, so that no epoch is called done that
    trained nothing. It begins with a warm optimiser and leaves it at rest, so that the few failing
    states of the next phase 1 do not undo what was learnt.

    Arguments:
        training: Changed in place.
        recorded: Every accepted sample.
        batch_size: Samples drawn uniformly for each update.
        failing_size: Samples drawn beside them from those that failed the last sweep.
        sweep_every: Updates between two sweeps.
        min_iterations: Updates at least.
        max_iterations: Updates at most; `None` never gives up.
        margin: Share of the gate's threshold that every sample must stay below. What is kept below
            a threshold on recorded states exceeds it now and then on others; less than 1 leaves
            room for that.

    Yields:
        Every sweep; the last one, and only that, has `failing == 0` after `min_iterations`.

    Raises:
        IterationsExhausted: Some samples still fail after `max_iterations`.
    """
    iterations, before = 0, training.optimiser.updates
    training.optimiser.warm()
    while True:
        sweep, failing = _sweep(training, recorded, iterations, margin)
        yield sweep
        if not sweep.failing and training.optimiser.updates - before >= min_iterations:
            training.optimiser.rest()
            return
        room = _room(iterations, sweep_every, max_iterations)
        if sweep.failing and not room:
            raise _gave_up(sweep)
        for _ in range(room or sweep_every):
            rows = _draw(training, len(recorded), failing, batch_size, failing_size)
            training.update(recorded.take(rows))
            iterations += 1


def _room(iterations: int, sweep_every: int, max_iterations: int | None) -> int:
    """Updates until the next sweep, as far as the cap leaves room."""
    if max_iterations is None:
        return sweep_every
    return max(0, min(sweep_every, max_iterations - iterations))


def _draw(
    training: Training, count: int, failing: Tensor, batch_size: int, failing_size: int
) -> Tensor:
    """Indices of a minibatch: a uniform part, and one of samples that failed the last sweep."""
    uniform = torch.randint(count, (batch_size,), generator=training.generator)
    if not len(failing) or not failing_size:
        return uniform.to(failing.device)
    chosen = torch.randint(len(failing), (failing_size,), generator=training.generator)
    return torch.cat([uniform.to(failing.device), failing[chosen.to(failing.device)]])


def _sweep(
    training: Training, recorded: Recorded, iterations: int, margin: float
) -> tuple[Sweep, Tensor]:
    """Judge every recorded sample; also return the indices of those that fail."""
    trials, etas = [], []
    limit = margin * training.gate.threshold
    for begin in range(0, len(recorded), _CHUNK):
        samples = recorded.take(slice(begin, begin + _CHUNK))
        trial = judge(samples, training.model, training.gate)
        trials.append((trial.error, training.gate.passes(trial) & (trial.error <= limit)))
        etas.append(trial.dt / samples.inputs.log_scale.exp())
    error, passed = (torch.cat(part) for part in zip(*trials, strict=True))
    failing = (~passed).nonzero()[:, 0]
    return _summary(error / training.gate.threshold, torch.cat(etas), failing, iterations), failing


def _summary(
    ratio: Float[Tensor, " R"], eta: Float[Tensor, " R"], failing: Tensor, iterations: int
) -> Sweep:
    ratio = infinite_if_nan(ratio)
    return Sweep(
        iterations,
        len(ratio),
        len(failing),
        ratio.max().item(),
        ratio.median().item(),
        eta.median().item(),
    )


def _gave_up(sweep: Sweep) -> IterationsExhausted:
    return IterationsExhausted(
        f"{sweep.failing} of {sweep.rows} recorded samples still fail after {sweep.iterations} "
        "iterations (generalize.max_iterations); nothing recorded is lost. Run the same command "
        "with a larger --generalize.max-iterations, or without it, to go on."
    )
