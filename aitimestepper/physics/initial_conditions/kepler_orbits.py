"""Pairs on Kepler orbits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..kepler import binary, period
from ..state import System
from .protocol import Initial, uniform


@dataclass(frozen=True)
class KeplerOrbits:
    """Bound pairs with uniform elements at a uniform phase, in their centre-of-mass frame.

    Arguments:
        eccentricity: Range, 0 <= lowest <= highest < 1.
        semi_major_axis: Range [length].
        mass_ratio: Range of m2 / m1.
        total_mass: m1 + m2 [mass].
        dimensions: 2, or 3 for orbits with an isotropic inclination.
    """

    eccentricity: tuple[float, float] = (0.0, 0.9)
    semi_major_axis: tuple[float, float] = (0.5, 2.0)
    mass_ratio: tuple[float, float] = (0.1, 1.0)
    total_mass: float = 1.0
    dimensions: int = 2

    @property
    def bodies(self) -> int:
        """Two."""
        return 2

    def masses(self, count: int, generator: torch.Generator) -> Float[Tensor, "B 2"]:
        """Masses of `count` pairs, with shape (B, 2)."""
        ratio = uniform(self.mass_ratio, count, generator)
        first = self.total_mass / (1 + ratio)
        return torch.stack([first, ratio * first], -1)

    def draw(self, mass: Float[Tensor, "B 2"], generator: torch.Generator) -> Initial:
        """One orbit for each row of masses."""
        axis = uniform(self.semi_major_axis, len(mass), generator)
        eccentricity = uniform(self.eccentricity, len(mass), generator)
        system = at_any_phase(axis, eccentricity, mass, generator, dimensions=self.dimensions)
        return Initial(system, period(axis, mass))


def at_any_phase(
    axis: Float[Tensor, " B"],
    eccentricity: Float[Tensor, " B"],
    mass: Float[Tensor, "B 2"],
    generator: torch.Generator,
    *,
    dimensions: int,
) -> System:
    """Pairs on orbits of given shapes, their phases and orientations drawn evenly."""
    count = len(mass)
    phase, angle = (uniform((-math.pi, math.pi), count, generator) for _ in range(2))
    return binary(
        axis,
        eccentricity,
        mass,
        mean_anomaly=phase,
        pericentre=angle,
        inclination=uniform((-1.0, 1.0), count, generator).acos(),
        dimensions=dimensions,
    )
