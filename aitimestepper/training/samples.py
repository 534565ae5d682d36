"""States to learn from, with everything about them that no weight can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..model.history import Window
from ..model.timestep import Inputs, LearnedTimeStep
from ..physics.conserved import rounding_of_energy
from ..physics.gate import Attempt, Gate, Start
from ..physics.state import System, where

_HIDDEN = 0.3
"""Share of the threshold that rounding may make; what it really makes is a quarter of the bound."""


class Samples(NamedTuple):
    """States ready for single-step predictions."""

    begin: Start
    inputs: Inputs

    def take(self, rows: slice | Tensor) -> Samples:
        """Some of the samples."""
        return Samples(self.begin.take(rows), self.inputs.take(rows))


@torch.no_grad()
def prepare(begin: Start, window: Window, model: LearnedTimeStep) -> Samples:
    """Samples of states that the gate has seen, with the features of them and of their past."""
    return Samples(begin, model.inputs(begin.system, window))


@torch.no_grad()
def judge(samples: Samples, model: LearnedTimeStep, gate: Gate) -> Attempt:
    """One attempt from every sample with the step that the model proposes now."""
    return gate.attempt(samples.begin, model.log_dt(samples.inputs).exp())


class Held(NamedTuple):
    """Where attempts led, and the steps that led there."""

    system: System
    sound: Bool[Tensor, " B"]
    """Whether the state can be gone on from."""
    dt: Float[Tensor, " B"]
    error: Float[Tensor, " B"]


class Tried(NamedTuple):
    """Samples, and one attempt from each."""

    samples: Samples
    held: Held
    """What the attempts led to; an orbit that has stopped stays where it is."""
    failing: Bool[Tensor, " B"]
    """Orbits whose attempt the gate refuses."""


@torch.no_grad()
def try_first(
    system: System,
    window: Window,
    model: LearnedTimeStep,
    gate: Gate,
    running: Bool[Tensor, " B"],
) -> Tried:
    """Samples of states, and one attempt from each: what phase 1 does for every step.

    Arguments:
        system: Where the orbits stand.
        window: What is remembered of their past.
        model: Proposes the steps.
        gate: Takes and measures them.
        running: Orbits that have not stopped.
    """
    samples = prepare(gate.start(system), window, model)
    trial = judge(samples, model, gate)
    held = Held(
        where(running, trial.system, system),
        sound(trial, gate),
        torch.where(running, trial.dt, 0.0),
        torch.where(running, trial.error, 0.0),
    )
    return Tried(samples, held, running & ~gate.passes(trial))


TryFirst = Callable[[System, Window, LearnedTimeStep, Gate, Bool[Tensor, " B"]], Tried]


def sound(trial: Attempt, gate: Gate) -> Bool[Tensor, " B"]:
    """Which attempts end bound, with an energy that rounding does not hide from the gate.

    A binary can become so tight that rounding alone makes errors above the threshold. No step
    would pass from there but by luck, and none of the luck could be learnt.
    """
    rounding = rounding_of_energy(trial.system, getattr(gate.field, "softening", 0.0))
    return (trial.energy < 0) & (rounding <= -_HIDDEN * gate.threshold * trial.energy)


def flatten(samples: Samples) -> list[Tensor]:
    """Every tensor of the samples, in a fixed order; `unflatten` is the inverse."""
    return [*samples.begin.system, *samples.begin[1:], *samples.inputs]


def unflatten(tensors: list[Float[Tensor, "B ..."]]) -> Samples:
    """Samples from the tensors of `flatten`."""
    return Samples(Start(System(*tensors[:4]), *tensors[4:6]), Inputs(*tensors[6:]))
