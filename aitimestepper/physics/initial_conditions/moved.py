"""Any initial conditions at another scale and in another frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..state import System
from .protocol import Initial, Sampler


@dataclass(frozen=True)
class Moved:
    r"""What another sampler draws, enlarged and set in motion.

    .. math::
        x \to s x + x_0, \qquad v \to v / \sqrt{s} + u, \qquad t \to s^{3/2} t

    so that an orbit keeps its shape.

    Arguments:
        sampler: Draws the systems.
        scale: s, by which lengths grow.
        offset: x_0, where the centre of mass is along the x axis [length].
        boost: u, how fast the centre of mass moves along the x axis [length / time].
    """

    sampler: Sampler
    scale: float = 1.0
    offset: float = 0.0
    boost: float = 0.0

    @property
    def bodies(self) -> int:
        """N."""
        return self.sampler.bodies

    @property
    def dimensions(self) -> int:
        """D."""
        return self.sampler.dimensions

    def masses(self, count: int, generator: torch.Generator) -> Float[Tensor, "B N"]:
        """Masses of `count` systems."""
        return self.sampler.masses(count, generator)

    def draw(self, mass: Float[Tensor, "B N"], generator: torch.Generator) -> Initial:
        """One initial condition for each row of masses."""
        system, period = self.sampler.draw(mass, generator)
        along = torch.zeros(self.dimensions, dtype=mass.dtype)
        along[0] = 1.0
        position = self.scale * system.position + self.offset * along
        velocity = system.velocity / self.scale**0.5 + self.boost * along
        moved = System(system.mass, position, velocity, system.time)
        return Initial(moved, self.scale**1.5 * period)
