"""Dimensionless numbers that describe a state to the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from ...physics.conserved import total_energy
from ...physics.gravity import Gravity, separations
from ...physics.state import System
from ...physics.sums import total
from .protocol import OfState

_NEARLY_CIRCULAR = 0.01


@dataclass(frozen=True)
class Dimensionless(OfState):
    r"""Pairs, tightest first, each described by ratios that no change of units can touch.

    For the pair (i, j) with separation r, radial and transverse relative velocity :math:`v_r`
    and :math:`v_t`, mass M = m_i + m_j, and for a system of energy E:

    .. math::
        A = \frac{v_t^2 r}{M} - 1, \qquad
        B = \frac{v_r v_t r}{M}, \qquad
        b = \log \frac{|E| r}{m_i m_j}

    A and B are e cos f and e sin f of the pair's own Kepler orbit (eccentricity e, true anomaly
    f), B negative on approach; b is the depth in the system's well. Nearly circular orbits crowd
    around A = B = 0, where the longest good step depends on them most, so
    :math:`\operatorname{asinh} 100 A`, :math:`\operatorname{asinh} 100 B` and
    :math:`\log(A^2 + B^2 + 0.01^2)` come beside them. From N = 3 on A and B, which have no bound
    for pairs that fly past each other, are :math:`\operatorname{asinh} A` and
    :math:`\operatorname{asinh} B`, and there come
    :math:`\log t / t_{\min}` of every pair but the first with the pair's free-fall time t, the
    share of the total mass M / sum(m), and :math:`4 m_i m_j / M^2`; for two bodies these say
    nothing (the relative motion knows no mass ratio). With softening comes
    :math:`\epsilon^2 / (r^2 + \epsilon^2)`, and r is the softened distance throughout.

    Invariant under translation, rotation, boosts, exchange of bodies, and the scaling of lengths,
    masses and times.
    """

    evaluations: ClassVar[int] = 0

    field: Gravity

    def size(self, bodies: int) -> int:
        """Number of features for N bodies."""
        count = bodies * (bodies - 1) // 2
        softened = self.field.softening > 0
        return count * (6 + softened) + (3 * count - 1 if bodies > 2 else 0)

    def __call__(self, system: System) -> Float[Tensor, "B F"]:
        """Features of each system, with shape (B, F)."""
        x, square, (i, j, _) = separations(system, self.field.softening)
        v = system.velocity.index_select(1, j) - system.velocity.index_select(1, i)
        first, second = (system.mass.index_select(1, k) for k in (i, j))
        both, product = first + second, first * second
        r = square.sqrt()
        energy = total_energy(system, self.field).abs()[:, None]
        columns = [*_orbit(x, v, r, both), (energy * r / product).log()]
        if self.field.softening > 0:
            columns.append(self.field.softening**2 / square)
        if len(i) == 1:
            return torch.cat(columns, -1)
        columns[:2] = [columns[0].asinh(), columns[1].asinh()]
        fall = 1.5 * r.log() - 0.5 * both.log()
        share = both / total(system.mass)[:, None]
        columns += [share, 4 * product / both.square()]
        order = fall.argsort(dim=-1, stable=True)
        columns = [c.gather(-1, order) for c in (*columns, fall)]
        later = columns.pop()
        return torch.cat([*columns, later[:, 1:] - later[:, :1]], -1)


def _orbit(
    x: Float[Tensor, "B P D"],
    v: Float[Tensor, "B P D"],
    r: Float[Tensor, "B P"],
    both: Float[Tensor, "B P"],
) -> list[Float[Tensor, "B P"]]:
    """A and B of every pair, and the three that resolve nearly circular orbits."""
    radial = total(x * v) / r
    transverse = (total(v.square()) - radial.square()).clamp(min=0)
    a = transverse * r / both - 1
    b = radial * transverse.sqrt() * r / both
    small = _NEARLY_CIRCULAR
    near = [(a / small).asinh(), (b / small).asinh()]
    return [a, b, *near, (a.square() + b.square() + small**2).log()]
