"""How much each body's motion has changed from one state to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from ...physics.gravity import Gravity
from ...physics.state import System, centre


@dataclass(frozen=True)
class Changes:
    r"""Magnitudes of change of position, velocity and acceleration, with the step between.

    For each pair of successive states, in the order of the bodies:

    .. math::
        \operatorname{asinh}\{|\Delta x_i|,\ |\Delta v_i|,\ |\Delta a_i|,\ \Delta t\},
        \qquad i = 1 .. N

    in the centre-of-mass frame and in the units of the user. It says nothing of the present state
    but by how it came about, so it needs a history of one state at least; K past states make K
    entries.

    Invariant under translation, rotation and boosts; not under exchange of bodies or scaling.
    """

    lag: ClassVar[int] = 1
    evaluations: ClassVar[int] = 1

    field: Gravity

    def size(self, bodies: int) -> int:
        """Three for each body, and the step."""
        return 3 * bodies + 1

    def observed(self, bodies: int, dimensions: int) -> int:
        """Position, velocity and acceleration of each body, and the time."""
        return 3 * bodies * dimensions + 1

    def observe(self, system: System) -> Float[Tensor, "B R"]:
        """Phase space, acceleration and time of each state in one row."""
        inside, acceleration = centre(system), self.field.acceleration(system)
        vectors = torch.stack([inside.position, inside.velocity, acceleration], 1)
        return torch.cat([vectors.flatten(1), system.time[:, None]], -1)

    def entries(self, seen: Float[Tensor, "B T R"], bodies: int) -> Float[Tensor, "B E F"]:
        """Magnitudes of change between successive observations, newest first."""
        change = seen[:, :-1] - seen[:, 1:]
        vectors = change[..., :-1].unflatten(-1, (3 * bodies, -1))
        return torch.cat([vectors.norm(dim=-1), change[..., -1:]], -1).asinh()
