"""Mutual gravity, and what every field of force can do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .state import System
from .sums import total


@runtime_checkable
class Field(Protocol):
    """Anything that can push on a system; force and energy come from one object.

    A field whose energy depends on time says so with `time_dependent = True`.
    """

    def energy(self, system: System) -> Float[Tensor, " B"]:
        """Potential energy of each system."""
        ...

    def acceleration(self, system: System) -> Float[Tensor, "B N D"]:
        """Acceleration of each body [length / time^2]."""
        ...


class Pairs(NamedTuple):
    """The P = N (N - 1) / 2 pairs i < j of N bodies."""

    first: Int[Tensor, " P"]
    second: Int[Tensor, " P"]
    of_body: Int[Tensor, "N N-1"]
    """Where each body stands in the concatenation of all first and all second bodies."""


@lru_cache(maxsize=32)
def pairs(bodies: int, device: torch.device) -> Pairs:
    """Index every pair once: half the work of an (N, N) table, and no body meets itself."""
    with torch.inference_mode(False):  # cached: a tensor born in inference mode has no gradients
        first, second = torch.triu_indices(bodies, bodies, offset=1, device=device)
        of_body = torch.cat([first, second]).argsort(stable=True).view(bodies, bodies - 1)
        return Pairs(first, second, of_body)


class Separations(NamedTuple):
    """Where the second body of each pair stands, seen from the first."""

    vector: Float[Tensor, "B P D"]
    square: Float[Tensor, "B P"]
    """Squared distance, softened."""
    pairs: Pairs


def separations(system: System, softening: float) -> Separations:
    """Separations of all pairs [length], and their softened squares."""
    ij = pairs(system.mass.shape[1], system.mass.device)
    x = system.position.index_select(1, ij.second) - system.position.index_select(1, ij.first)
    return Separations(x, total(x.square()) + softening**2, ij)


@dataclass(frozen=True)
class Gravity:
    r"""Mutual attraction with Plummer softening :math:`\epsilon`, G = 1.

    .. math::
        U = -\sum_{i<j} \frac{m_i m_j}{\sqrt{r_{ij}^2 + \epsilon^2}} \qquad
        a_i = \sum_{j \ne i} m_j \frac{x_j - x_i}{(r_{ij}^2 + \epsilon^2)^{3/2}}

    References:
        | Aarseth (1963), MNRAS 126, 223
    """

    softening: float = 0.0

    def _separation(self, system: System) -> tuple[Tensor, Tensor, Pairs]:
        """Of each pair: separation (B, P, D) and inverse softened distance (B, P)."""
        vector, square, ij = separations(system, self.softening)
        return vector, square.rsqrt(), ij

    def energy(self, system: System) -> Float[Tensor, " B"]:
        """Potential energy of each system [mass length^2 / time^2], with shape (B,)."""
        _, inverse, ij = self._separation(system)
        first, second = (system.mass.index_select(1, k) for k in (ij.first, ij.second))
        return -total(first * second * inverse)

    def acceleration(self, system: System) -> Float[Tensor, "B N D"]:
        """Acceleration of each body [length / time^2], with shape (B, N, D)."""
        separation, inverse, ij = self._separation(system)
        pull = separation * (inverse * inverse * inverse)[..., None]
        first = system.mass.index_select(1, ij.first)[..., None]
        second = system.mass.index_select(1, ij.second)[..., None]
        each = torch.cat([second * pull, -first * pull], 1)
        if len(ij.first) == 1:
            return each
        if each.requires_grad or each.shape[1] > 12:
            return each[:, ij.of_body].sum(2)
        return total(torch.stack([each.index_select(1, k) for k in ij.of_body.unbind(1)]), 0)
