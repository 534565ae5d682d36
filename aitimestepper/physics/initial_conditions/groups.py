"""Groups of N bodies with random positions and velocities, always bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..conserved import kinetic_energy
from ..gravity import Gravity
from ..state import System, assemble, centre
from .protocol import Initial, crossing_time, spread_masses, uniform

_OUTERMOST = 0.999
_GRID = 4097


@dataclass(frozen=True)
class Plummer:
    r"""Bodies of a Plummer sphere, in Henon units when M = 1.

    .. math::
        M(r) \propto \frac{r^3}{(r^2 + b^2)^{3/2}}, \qquad g(q) \propto q^2 (1 - q^2)^{7/2}, \quad
        q = v / v_\mathrm{esc}(r), \qquad b = 3 \pi / 16

    The outermost thousandth of the mass is left out. Speeds are then scaled to the virial ratio,
    which few bodies miss by chance, so that every draw is bound.

    Arguments:
        bodies: N.
        mass_range: Smallest and largest mass, before all are scaled to the total.
        total_mass: Of the group [mass].
        virial_ratio: Range of kinetic over potential energy, below 1; 0.5 is equilibrium.

    References:
        | Aarseth, Henon & Wielen (1974), A&A 37, 183
        | Heggie & Mathieu (1986), LNP 267, 233
    """

    bodies: int = 8
    mass_range: tuple[float, float] = (0.1, 1.0)
    total_mass: float = 1.0
    virial_ratio: tuple[float, float] = (0.5, 0.5)

    @property
    def dimensions(self) -> int:
        """Three; the sphere has no counterpart in a plane."""
        return 3

    def masses(self, count: int, generator: torch.Generator) -> Float[Tensor, "B N"]:
        """Masses of `count` groups."""
        return spread_masses(self.mass_range, self.total_mass, self.bodies, count, generator)

    def draw(self, mass: Float[Tensor, "B N"], generator: torch.Generator) -> Initial:
        """One group for each row of masses."""
        scale = 3 * math.pi / 16
        share = _OUTERMOST * torch.rand(mass.shape, generator=generator, dtype=mass.dtype)
        radius = (share.pow(-2 / 3) - 1).rsqrt()
        speed = _speeds(mass.shape, generator) * math.sqrt(2) * (1 + radius.square()).pow(-0.25)
        position = scale * radius[..., None] * _directions((*mass.shape, 3), generator)
        unit = math.sqrt(self.total_mass / scale)
        velocity = unit * speed[..., None] * _directions((*mass.shape, 3), generator)
        ratio = uniform(self.virial_ratio, len(mass), generator)
        system = _virialised(assemble(mass, position, velocity), ratio)
        return Initial(system, crossing_time(system))


@dataclass(frozen=True)
class Uniform:
    """Bodies evenly in a ball of radius 1, or a disc, with Gaussian velocities.

    Arguments:
        bodies: N.
        dimensions: 3 for a ball, 2 for a disc.
        mass_range: Smallest and largest mass, before all are scaled to the total.
        total_mass: Of the group [mass].
        virial_ratio: Range of kinetic over potential energy, below 1; near zero is a collapse.
    """

    bodies: int = 3
    dimensions: int = 2
    mass_range: tuple[float, float] = (0.1, 1.0)
    total_mass: float = 1.0
    virial_ratio: tuple[float, float] = (0.5, 0.5)

    def masses(self, count: int, generator: torch.Generator) -> Float[Tensor, "B N"]:
        """Masses of `count` groups."""
        return spread_masses(self.mass_range, self.total_mass, self.bodies, count, generator)

    def draw(self, mass: Float[Tensor, "B N"], generator: torch.Generator) -> Initial:
        """One group for each row of masses."""
        shape = (*mass.shape, self.dimensions)
        share = torch.rand(mass.shape, generator=generator, dtype=mass.dtype)
        radius = share.pow(1 / self.dimensions)
        position = radius[..., None] * _directions(shape, generator)
        velocity = torch.randn(shape, generator=generator, dtype=mass.dtype)
        ratio = uniform(self.virial_ratio, len(mass), generator)
        system = _virialised(assemble(mass, position, velocity), ratio)
        return Initial(system, crossing_time(system))


def _virialised(system: System, ratio: Float[Tensor, " B"]) -> System:
    """The same positions, with speeds scaled to virial ratios, in the centre-of-mass frame."""
    inside = centre(system)
    wanted = -ratio * Gravity().energy(inside)
    factor = (wanted / kinetic_energy(inside)).sqrt()[:, None, None]
    return System(inside.mass, inside.position, factor * inside.velocity, inside.time)


def _directions(shape: tuple[int, ...], generator: torch.Generator) -> Float[Tensor, "B N D"]:
    """Unit vectors, evenly over the sphere or circle."""
    vectors = torch.randn(shape, generator=generator, dtype=torch.float64)
    return vectors / vectors.norm(dim=-1, keepdim=True)


def _speeds(shape: tuple[int, ...], generator: torch.Generator) -> Float[Tensor, "B N"]:
    """Speeds over escape speed, through the inverse of their cumulative distribution."""
    q = torch.linspace(0, 1, _GRID, dtype=torch.float64)
    density = q.square() * (1 - q.square()).pow(3.5)
    cumulative = torch.nn.functional.pad((density[1:] + density[:-1]).cumsum(0), (1, 0))
    wanted = cumulative[-1] * torch.rand(shape, generator=generator, dtype=torch.float64)
    k = torch.searchsorted(cumulative, wanted, right=True).clamp(1, _GRID - 1)
    low, high = cumulative[k - 1], cumulative[k]
    return q[k - 1] + (wanted - low) / (high - low) * (q[k] - q[k - 1])
