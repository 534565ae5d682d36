"""The two phases as a session runs them: library generators, listened to and summed up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from aitimestepper.errors import UserError
from aitimestepper.settings import RunConfig
from aitimestepper.store.rows import Rows
from aitimestepper.training.collect import Attempted, Transition, collect
from aitimestepper.training.generalize import Sweep, generalize
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.trainer import Training

from .reports import PhaseProgress
from .rows import rows_of


class OutOfStep(UserError):
    """A phase was asked for that is not the next one."""


class Outcome(NamedTuple):
    """What a phase leaves to be committed, besides the training that it changed."""

    rows: Rows | None
    numbers: dict[str, float]


Progress = Callable[[PhaseProgress], None]
Work = Callable[[Training, Recorded, RunConfig, int, Progress], Outcome]


def ignore(_: PhaseProgress) -> None:
    """Nobody wants to know how far the phase is."""


def collecting(
    training: Training, recorded: Recorded, config: RunConfig, epoch: int, progress: Progress
) -> Outcome:
    """Phase 1: accepted transitions, appended to what is recorded."""
    transitions: list[Transition] = []
    steps = config.steps_per_epoch
    for event in collect(training, steps=steps, **config.collect.model_dump()):
        if isinstance(event, Transition):
            transitions.append(event)
            recorded.append(event.samples.take(event.running), event.warm[event.running])
        else:
            progress(_attempting(event, steps, epoch))
    return Outcome(rows_of(transitions, epoch), _collected(transitions, training.gate.threshold))


def _attempting(event: Attempted, steps: int, epoch: int) -> PhaseProgress:
    text = (
        f"step {event.step + 1} of {steps}, attempt {event.attempt}: "
        f"{event.failing} of {event.orbits} orbits fail, worst error {event.worst:.3g} thresholds"
    )
    percent = 100 * (event.step + 1 - event.failing / event.orbits) / steps
    return PhaseProgress(epoch=epoch, phase="collect", percent=percent, text=text)


def _collected(transitions: Sequence[Transition], threshold: float) -> dict[str, float]:
    if not transitions:  # every orbit has stopped
        return {"accepted": 0.0, "attempts": 0.0}
    error = torch.cat([t.error[t.running] for t in transitions]) / threshold
    attempts = torch.cat([t.attempts[t.running] for t in transitions]).double()
    eta = torch.cat([(t.dt / t.samples.inputs.log_scale.exp())[t.running] for t in transitions])
    return {
        "accepted": float(len(error)),
        "attempts": attempts.sum().item(),
        "attempts_per_step": attempts.mean().item(),
        "worst": error.max().item(),
        "median": error.median().item(),
        "eta": eta.median().item(),
    }


def generalizing(
    training: Training, recorded: Recorded, config: RunConfig, epoch: int, progress: Progress
) -> Outcome:
    """Phase 2: updates until a full sweep finds every recorded sample passing."""
    sweeps: list[Sweep] = []
    for sweep in generalize(training, recorded, **config.generalize.model_dump()):
        sweeps.append(sweep)
        progress(_sweeping(sweep, epoch))
    return Outcome(None, _generalized(sweeps))


def _sweeping(sweep: Sweep, epoch: int) -> PhaseProgress:
    text = (
        f"{sweep.iterations} updates: {sweep.failing} of {sweep.rows} recorded samples fail, "
        f"worst error {sweep.worst:.3g} thresholds"
    )
    percent = 100 * (1 - sweep.failing / sweep.rows)
    return PhaseProgress(epoch=epoch, phase="generalize", percent=percent, text=text)


def _generalized(sweeps: Sequence[Sweep]) -> dict[str, float]:
    first, last = sweeps[0], sweeps[-1]
    return {
        "sweeps": float(len(sweeps)),
        "iterations": float(last.iterations),
        "passing_before": 1 - first.failing / first.rows,
        "passing": 1 - last.failing / last.rows,
        "worst": last.worst,
        "median": last.median,
        "eta": last.eta,
    }
