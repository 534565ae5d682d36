"""States to learn from, with everything about them that no weight can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..model.history import Window
from ..model.timestep import Inputs, LearnedTimeStep
from ..physics.gate import Attempt, Gate, Start
from ..physics.state import System


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


@torch.no_grad()
def first_attempt(
    system: System, window: Window, model: LearnedTimeStep, gate: Gate
) -> tuple[Samples, Attempt]:
    """Samples of states, and one attempt from each: what phase 1 does for every step."""
    samples = prepare(gate.start(system), window, model)
    return samples, judge(samples, model, gate)


FirstAttempt = Callable[[System, Window, LearnedTimeStep, Gate], tuple[Samples, Attempt]]


def flatten(samples: Samples) -> list[Tensor]:
    """Every tensor of the samples, in a fixed order; `unflatten` is the inverse."""
    return [*samples.begin.system, *samples.begin[1:], *samples.inputs]


def unflatten(tensors: list[Float[Tensor, "B ..."]]) -> Samples:
    """Samples from the tensors of `flatten`."""
    return Samples(Start(System(*tensors[:4]), *tensors[4:6]), Inputs(*tensors[6:]))
