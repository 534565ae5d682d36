"""The trained model as a module from a plain array of bodies to a step, for use anywhere."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..model.timestep import LearnedTimeStep
from ..physics.state import System


class StepFromBodies(nn.Module):
    """Maps bodies with shape (B, N, 1 + 2 D) to steps [time] with shape (B,).

    A body is its mass, its position and its velocity. A model with a history answers as at the
    start of an episode, without a past.

    Arguments:
        model: The learned time step.
    """

    def __init__(self, model: LearnedTimeStep) -> None:
        super().__init__()
        self.model = model

    def forward(self, bodies: torch.Tensor) -> torch.Tensor:
        """Proposed step of each system, in float64 whatever the model computes in."""
        dimensions = (bodies.shape[2] - 1) // 2
        given = bodies.to(self.model.centre)
        mass, position, velocity = given.split([1, dimensions, dimensions], -1)
        return self.model(System(mass[..., 0], position, velocity, given[:, 0, 0] * 0)).double()


def bodies_of(system: System) -> np.ndarray:
    """The array that `StepFromBodies` takes, float64 with shape (B, N, 1 + 2 D)."""
    parts = [system.mass[..., None], system.position, system.velocity]
    return torch.cat(parts, -1).double().cpu().numpy()
