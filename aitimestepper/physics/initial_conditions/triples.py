"""Hierarchical triples: a close pair and a third body far from it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..kepler import period
from ..state import assemble
from .kepler_orbits import at_any_phase
from .protocol import Initial, uniform


@dataclass(frozen=True)
class HierarchicalTriples:
    r"""Two Kepler orbits, one inside the other, wide enough apart to be stable.

    .. math::
        \frac{a_\mathrm{out} (1 - e_\mathrm{out})}{a_\mathrm{in}} = s \cdot 2.8 \left[
        (1 + q_\mathrm{out}) \frac{1 + e_\mathrm{out}}{\sqrt{1 - e_\mathrm{out}}} \right]^{2/5},
        \qquad q_\mathrm{out} = \frac{m_3}{m_1 + m_2}

    The criterion is that of coplanar orbits, the strictest; s > 1 is stable.

    Arguments:
        eccentricity: Range of the inner orbit.
        semi_major_axis: Range of the inner orbit [length].
        mass_ratio: Range of m2 / m1.
        outer_eccentricity: Range of the outer orbit.
        outer_mass_ratio: Range of m3 / (m1 + m2).
        separation: Range of s.
        total_mass: m1 + m2 + m3 [mass].
        dimensions: 2, or 3 for orbits with independent isotropic planes.

    References:
        | Mardling & Aarseth (2001), MNRAS 321, 398
    """

    eccentricity: tuple[float, float] = (0.0, 0.9)
    semi_major_axis: tuple[float, float] = (0.5, 2.0)
    mass_ratio: tuple[float, float] = (0.1, 1.0)
    outer_eccentricity: tuple[float, float] = (0.0, 0.6)
    outer_mass_ratio: tuple[float, float] = (0.1, 1.0)
    separation: tuple[float, float] = (1.2, 3.0)
    total_mass: float = 1.0
    dimensions: int = 2

    @property
    def bodies(self) -> int:
        """Three."""
        return 3

    def masses(self, count: int, generator: torch.Generator) -> Float[Tensor, "B 3"]:
        """Masses of `count` triples."""
        inner = uniform(self.mass_ratio, count, generator)
        outer = uniform(self.outer_mass_ratio, count, generator)
        pair = self.total_mass / (1 + outer)
        return torch.stack([pair / (1 + inner), inner * pair / (1 + inner), outer * pair], -1)

    def draw(self, mass: Float[Tensor, "B 3"], generator: torch.Generator) -> Initial:
        """One triple for each row of masses."""
        count = len(mass)
        axis = uniform(self.semi_major_axis, count, generator)
        shape = uniform(self.eccentricity, count, generator)
        space = {"dimensions": self.dimensions}
        inner = at_any_phase(axis, shape, mass[:, :2], generator, **space)
        outer_mass = torch.stack([mass[:, :2].sum(-1), mass[:, 2]], -1)
        e = uniform(self.outer_eccentricity, count, generator)
        wide = axis * uniform(self.separation, count, generator) * _critical(outer_mass, e)
        outer = at_any_phase(wide, e, outer_mass, generator, **space)
        position, velocity = (
            torch.cat([around[:, :1] + pair, around[:, 1:]], 1)
            for pair, around in (
                (inner.position, outer.position),
                (inner.velocity, outer.velocity),
            )
        )
        return Initial(assemble(mass, position, velocity), period(wide, outer_mass))


def _critical(mass: Float[Tensor, "B 2"], e: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
    """Smallest stable ratio of the semi-major axes."""
    q = mass[:, 1] / mass[:, 0]
    return 2.8 * ((1 + q) * (1 + e) / (1 - e).sqrt()).pow(0.4) / (1 - e)
