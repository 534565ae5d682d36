"""Three bodies of equal mass that meet: the scattering family."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..state import System, assemble, centre
from .protocol import Initial, crossing_time, uniform

_KM_PER_S = 51.5951
_PLACES = ((5.0, 20.0), (0.0, 10.0), (-10.0, 0.0), (5.0, 20.0))


@dataclass(frozen=True)
class Scattering:
    """Three bodies of 1/3 each; the first at the origin, the others at random places.

    Units: 3 solar masses, astronomical units, G = 1, so that the velocity unit is 51.5951 km/s.
    The places are drawn from the ranges of the recipe; the published members of the family have
    seeds of another generator, so that none of them is ever trained on.

    References:
        | arXiv 2502.12809
    """

    @property
    def bodies(self) -> int:
        """Three."""
        return 3

    @property
    def dimensions(self) -> int:
        """Two."""
        return 2

    def masses(self, count: int, generator: torch.Generator) -> Float[Tensor, "B 3"]:  # noqa: ARG002
        """A third each."""
        return torch.full((count, 3), 1 / 3, dtype=torch.float64)

    def draw(self, mass: Float[Tensor, "B 3"], generator: torch.Generator) -> Initial:
        """One system for each row of masses."""
        places = [uniform(limits, len(mass), generator) for limits in _PLACES]
        system = encounter(mass, torch.stack(places, -1))
        return Initial(system, crossing_time(system))


def encounter(mass: Float[Tensor, "B 3"], places: Float[Tensor, "B 4"]) -> System:
    """Members of the family, by where the second and the third body are (x, y, x, y) [length]."""
    count = len(mass)
    position = torch.cat([torch.zeros_like(places[:, :2]), places], -1).view(count, 3, 2)
    velocity = mass.new_tensor([[0.0, 10.0], [-10.0, 0.0], [0.0, 0.0]]) / _KM_PER_S
    return centre(assemble(mass, position, velocity.expand(count, 3, 2)))
