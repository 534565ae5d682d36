"""What every sampler of initial conditions can do."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..conserved import total_energy
from ..gravity import Gravity
from ..state import System


class Initial(NamedTuple):
    """Systems at their start."""

    system: System
    period: Float[Tensor, " B"]
    """Orbital period, or a time that plays its part [time]."""


@runtime_checkable
class Sampler(Protocol):
    """Draws systems in two steps, because an orbit keeps its masses when it restarts."""

    @property
    def bodies(self) -> int:
        """N."""
        ...

    @property
    def dimensions(self) -> int:
        """D."""
        ...

    def masses(self, count: int, generator: torch.Generator) -> Float[Tensor, "B N"]:
        """Masses of `count` systems."""
        ...

    def draw(self, mass: Float[Tensor, "B N"], generator: torch.Generator) -> Initial:
        """One initial condition for each row of masses."""
        ...


def uniform(
    limits: tuple[float, float], count: int, generator: torch.Generator
) -> Float[Tensor, " B"]:
    """Numbers drawn evenly between two limits, with shape (B,)."""
    low, high = limits
    return low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)


def crossing_time(system: System) -> Float[Tensor, " B"]:
    r"""Crossing time of bound systems without softening, :math:`M^{5/2} / (2 |E|)^{3/2}` [time].

    References:
        | Heggie & Mathieu (1986), LNP 267, 233
    """
    energy = total_energy(system, Gravity()).abs()
    return system.mass.sum(-1).pow(2.5) / (2 * energy).pow(1.5)


def spread_masses(
    limits: tuple[float, float], total: float, bodies: int, count: int, generator: torch.Generator
) -> Float[Tensor, "B N"]:
    """Masses drawn evenly between two limits, then scaled to their total, with shape (B, N)."""
    drawn = uniform(limits, count * bodies, generator).view(count, bodies)
    return total * drawn / drawn.sum(-1, keepdim=True)
