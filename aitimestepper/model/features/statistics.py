"""Statistics of a system in the units of its user, for laws that may depend on scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from ...physics.gravity import Gravity, pairs
from ...physics.state import System, centre
from .protocol import OfState


@dataclass(frozen=True)
class Basic(OfState):
    r"""Mean and largest radius, speed and acceleration, and the closest pair.

    .. math::
        \operatorname{asinh} q \quad \text{for} \quad
        q \in \{\bar r, \max r_i,\ \bar v, \max v_i,\ \bar a, \max a_i,\ \min r_{ij}\}

    with :math:`r_i` and :math:`v_i` in the centre-of-mass frame. The inverse hyperbolic sine is
    logarithmic for large q and linear near zero, so that bodies at rest are no trouble; where it
    bends is set by the units, which is why a model on these features belongs to its units.

    Invariant under translation, rotation, boosts and exchange of bodies; not under scaling.
    """

    evaluations: ClassVar[int] = 1

    field: Gravity

    def size(self, bodies: int) -> int:  # noqa: ARG002
        """Seven, for any N."""
        return 7

    def __call__(self, system: System) -> Float[Tensor, "B 7"]:
        """Features of each system, with shape (B, 7)."""
        *of_bodies, distance, _ = _quantities(system, self.field)
        columns = [f(q) for q in of_bodies for f in (_mean, _largest)]
        return torch.stack([*columns, _smallest(distance)], -1).asinh()


@dataclass(frozen=True)
class Rich(OfState):
    r"""Smallest, mean, largest and standard deviation of everything that describes a system.

    .. math::
        \operatorname{asinh}\{\min q, \bar q, \max q, \sigma_q\} \quad \text{for} \quad
        q \in \{r_i,\ v_i,\ a_i,\ r_{ij},\ \dot r_{ij},\ m_i\}

    with radii and speeds in the centre-of-mass frame. The rate :math:`\dot r_{ij}` is negative on
    approach, so that these features know the direction of time.

    Invariant under translation, rotation, boosts and exchange of bodies; not under scaling.
    """

    evaluations: ClassVar[int] = 1

    field: Gravity

    def size(self, bodies: int) -> int:  # noqa: ARG002
        """Twenty-four, for any N."""
        return 24

    def __call__(self, system: System) -> Float[Tensor, "B 24"]:
        """Features of each system, with shape (B, 24)."""
        statistics = (_smallest, _mean, _largest, _deviation)
        quantities = [*_quantities(system, self.field), system.mass]
        return torch.stack([f(q) for q in quantities for f in statistics], -1).asinh()


def _quantities(system: System, field: Gravity) -> list[Tensor]:
    """Radii, speeds and accelerations (B, N); distances and their rates (B, P)."""
    i, j, _ = pairs(system.mass.shape[1], system.mass.device)
    inside = centre(system)
    of_bodies = (inside.position, inside.velocity, field.acceleration(system))
    x = system.position[:, j] - system.position[:, i]
    v = system.velocity[:, j] - system.velocity[:, i]
    distance = (x.square().sum(-1) + field.softening**2).sqrt()
    return [*(q.norm(dim=-1) for q in of_bodies), distance, (x * v).sum(-1) / distance]


def _mean(values: Float[Tensor, "B M"]) -> Float[Tensor, " B"]:
    return values.mean(-1)


def _smallest(values: Float[Tensor, "B M"]) -> Float[Tensor, " B"]:
    return values.amin(-1)


def _largest(values: Float[Tensor, "B M"]) -> Float[Tensor, " B"]:
    return values.amax(-1)


def _deviation(values: Float[Tensor, "B M"]) -> Float[Tensor, " B"]:
    return values.std(-1, correction=0)
