"""The tidal field of a distant point mass, at rest or on a given path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from .state import System, centre


@runtime_checkable
class Path(Protocol):
    """Where a source is, as a smooth function of time."""

    def __call__(self, time: Float[Tensor, " B"], dimensions: int) -> Float[Tensor, "B D"]:
        """Position seen from the centre of mass of the system [length], with shape (B, D)."""
        ...


@dataclass(frozen=True)
class Still:
    """A source at rest.

    Arguments:
        position: Its place [length], two or three numbers; more dimensions than it has are zero.
    """

    position: tuple[float, ...] = (10.0, 0.0)

    def __call__(self, time: Float[Tensor, " B"], dimensions: int) -> Float[Tensor, "B D"]:
        """The same place at every time."""
        place = [*self.position, 0.0][:dimensions]
        return time.new_tensor(place).expand(len(time), dimensions)


@dataclass(frozen=True)
class Circle:
    """A source on a circle in the x-y plane.

    Arguments:
        radius: Of the circle [length].
        rate: Angular speed [rad / time].
        phase: Angle from the x axis at time zero [rad].
    """

    radius: float = 10.0
    rate: float = 0.1
    phase: float = 0.0

    def __call__(self, time: Float[Tensor, " B"], dimensions: int) -> Float[Tensor, "B D"]:
        """Where the source is on its circle."""
        angle = self.phase + self.rate * time
        place = [angle.cos(), angle.sin(), torch.zeros_like(angle)][:dimensions]
        return self.radius * torch.stack(place, -1)


@dataclass(frozen=True)
class Sampled:
    """A source on a path known at some times, joined by a natural cubic spline.

    Beyond the first and the last time it goes on in a straight line.

    Arguments:
        times: When [time], increasing, T of them.
        positions: Where [length], T rows of D numbers.
    """

    times: tuple[float, ...]
    positions: tuple[tuple[float, ...], ...]

    def __call__(self, time: Float[Tensor, " B"], dimensions: int) -> Float[Tensor, "B D"]:
        """The spline at each time."""
        knots, places = time.new_tensor(self.times), time.new_tensor(self.positions)
        curvature = _curvature(knots, places)
        inside = time.detach().clamp(knots[0], knots[-1])
        k = (torch.searchsorted(knots, inside, right=True) - 1).clamp(0, len(knots) - 2)
        beyond = (time.detach() < knots[0]) | (time.detach() > knots[-1])
        at = torch.where(beyond, inside, time)
        h, s = (knots[k + 1] - knots[k])[:, None], (at - knots[k])[:, None]
        left, right = places[k], places[k + 1]
        c, d = curvature[k], curvature[k + 1]
        slope = (right - left) / h - h / 6 * (2 * c + d)
        value = left + slope * s + c / 2 * s**2 + (d - c) / (6 * h) * s**3
        speed = slope + c * s + (d - c) / (2 * h) * s**2
        return (value + speed * (time - at)[:, None])[:, :dimensions]


def _curvature(knots: Float[Tensor, " T"], places: Float[Tensor, "T D"]) -> Float[Tensor, "T D"]:
    """Second derivatives of the natural cubic spline at its knots."""
    count, h = len(knots), knots.diff()
    if count < 3:
        return torch.zeros_like(places)
    matrix = torch.diag(torch.cat([h.new_ones(1), 2 * (h[:-1] + h[1:]), h.new_ones(1)]))
    inner = torch.arange(1, count - 1)
    matrix[inner, inner - 1], matrix[inner, inner + 1] = h[:-1], h[1:]
    slopes = places.diff(dim=0) / h[:, None]
    jump = torch.nn.functional.pad(6 * slopes.diff(dim=0), (0, 0, 1, 1))
    return torch.linalg.solve(matrix, jump)


@dataclass(frozen=True)
class Tide:
    r"""Tidal field of a point mass M at X(t), far away: the first term that the system feels.

    .. math::
        U = -\frac{M}{2 R^3} \sum_i m_i \left(3 (n \cdot y_i)^2 - y_i^2\right) \qquad
        a_i = \frac{M}{R^3} \left(3 n (n \cdot y_i) - y_i\right)

    with :math:`y_i = x_i - x_\mathrm{cm}`, R = |X|, n = X / R: the frame falls with the centre of
    mass, where the pull of the source itself is not felt.

    Arguments:
        mass: M [mass].
        path: X(t), seen from the centre of mass of the system.

    References:
        | Binney & Tremaine (2008), Galactic Dynamics, section 8.1
    """

    mass: float
    path: Path

    @property
    def time_dependent(self) -> bool:
        """Whether the source moves."""
        return not isinstance(self.path, Still)

    def _source(self, system: System) -> tuple[Tensor, Tensor, Tensor]:
        """Direction (B, 1, D), strength M / R^3 (B,), positions about the centre of mass."""
        y = centre(system).position
        x = self.path(system.time, y.shape[-1])
        distance = x.square().sum(-1).sqrt()
        return (x / distance[:, None])[:, None], self.mass / distance**3, y

    def energy(self, system: System) -> Float[Tensor, " B"]:
        """Potential energy of each system, with shape (B,)."""
        n, strength, y = self._source(system)
        along = (n * y).sum(-1)
        shape = 3 * along.square() - y.square().sum(-1)
        return -0.5 * strength * (system.mass * shape).sum(-1)

    def acceleration(self, system: System) -> Float[Tensor, "B N D"]:
        """Acceleration of each body, with shape (B, N, D)."""
        n, strength, y = self._source(system)
        return strength[:, None, None] * (3 * n * (n * y).sum(-1, keepdim=True) - y)
