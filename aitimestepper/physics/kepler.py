"""Two bodies on a bound orbit: from elements, and the exact motion to test against."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from .state import System, assemble

_NEWTON_PAIRS = 30


def period(semi_major_axis: Float[Tensor, " B"], mass: Float[Tensor, "B 2"]) -> Float[Tensor, " B"]:
    r"""Orbital period :math:`2 \pi \sqrt{a^3 / (m_1 + m_2)}` [time], with shape (B,)."""
    return 2 * math.pi * (semi_major_axis.pow(3) / mass.sum(-1)).sqrt()


def eccentric_anomaly(
    mean_anomaly: Float[Tensor, " B"], eccentricity: Float[Tensor, " B"]
) -> Float[Tensor, " B"]:
    r"""Solve Kepler's equation :math:`M = E - e \sin E` by Newton's method.

    From the apocentre side (E = +-pi) the iteration is monotone for every 0 <= e < 1. It ends once
    two steps together change nothing: rounding may leave two neighbours that take turns.

    References:
        | Danby (1988), Fundamentals of Celestial Mechanics, section 6.6
    """
    turns = torch.round(mean_anomaly / (2 * math.pi)) * 2 * math.pi
    m = mean_anomaly - turns
    e = torch.sign(m) * math.pi
    for _ in range(_NEWTON_PAIRS):
        before = e
        for _ in range(2):
            e = e - (e - eccentricity * e.sin() - m) / (1 - eccentricity * e.cos())
        if torch.equal(e, before):
            break
    return e + turns


def binary(
    semi_major_axis: Float[Tensor, " B"],
    eccentricity: Float[Tensor, " B"],
    mass: Float[Tensor, "B 2"],
    *,
    mean_anomaly: Float[Tensor, " B"] | None = None,
    pericentre: Float[Tensor, " B"] | None = None,
    inclination: Float[Tensor, " B"] | None = None,
    dimensions: int = 2,
) -> System:
    r"""A binary in its centre-of-mass frame.

    .. math::
        x = a (\cos E - e), \quad y = a \sqrt{1 - e^2} \sin E, \quad M = E - e \sin E

    Arguments:
        semi_major_axis: Of the relative orbit [length], with shape (B,).
        eccentricity: 0 <= e < 1, with shape (B,).
        mass: Masses, with shape (B, 2).
        mean_anomaly: Phase [rad], zero (pericentre) when left out.
        pericentre: Angle of the pericentre in the orbital plane [rad].
        inclination: Turn of the plane about the x axis [rad]; needs `dimensions=3`.
        dimensions: 2 or 3.
    """
    zero = torch.zeros_like(eccentricity)
    anomaly = eccentric_anomaly(zero if mean_anomaly is None else mean_anomaly, eccentricity)
    rate = (mass.sum(-1) / semi_major_axis.pow(3)).sqrt() / (1 - eccentricity * anomaly.cos())
    minor = ((1 - eccentricity) * (1 + eccentricity)).sqrt()  # 1 - e^2 cancels near e = 1
    x = torch.stack([anomaly.cos() - eccentricity, minor * anomaly.sin()], -1)
    v = torch.stack([-anomaly.sin(), minor * anomaly.cos()], -1) * rate[:, None]
    plane = (
        semi_major_axis[:, None] * _turn(u, zero if pericentre is None else pericentre)
        for u in (x, v)
    )
    relative = [_incline(u, inclination, dimensions) for u in plane]
    share = torch.stack([-mass[:, 1], mass[:, 0]], -1) / mass.sum(-1, keepdim=True)
    position, velocity = (share[..., None] * u[:, None, :] for u in relative)
    return assemble(mass, position, velocity)


def _turn(vector: Float[Tensor, "B 2"], angle: Float[Tensor, " B"]) -> Float[Tensor, "B 2"]:
    x, y = vector.unbind(-1)
    c, s = angle.cos(), angle.sin()
    return torch.stack([c * x - s * y, s * x + c * y], -1)


def _incline(
    vector: Float[Tensor, "B 2"], angle: Float[Tensor, " B"] | None, dimensions: int
) -> Float[Tensor, "B D"]:
    if dimensions == 2:
        return vector
    x, y = vector.unbind(-1)
    angle = torch.zeros_like(x) if angle is None else angle
    return torch.stack([x, y * angle.cos(), y * angle.sin()], -1)


class Elements(NamedTuple):
    """Shape and phase of the relative orbit of each pair."""

    semi_major_axis: Float[Tensor, " B"]
    eccentricity: Float[Tensor, " B"]
    eccentric_anomaly: Float[Tensor, " B"]


def elements(system: System) -> Elements:
    r"""Osculating elements of bound pairs.

    .. math::
        e \cos E = 1 - r/a, \qquad e \sin E = r \cdot v / \sqrt{\mu a}
    """
    mu = system.mass.sum(-1)
    x, v = system.position.diff(dim=1)[:, 0], system.velocity.diff(dim=1)[:, 0]
    r = x.norm(dim=-1)
    a = 1 / (2 / r - v.square().sum(-1) / mu)
    cosine, sine = 1 - r / a, (x * v).sum(-1) / (mu * a).sqrt()
    return Elements(a, torch.hypot(cosine, sine), torch.atan2(sine, cosine))


def propagate(system: System, duration: Float[Tensor, " B"]) -> System:
    r"""The exact motion of two bound bodies over `duration`, by Gauss's f and g functions.

    .. math::
        n t = \Delta E - (1 - r_0/a) \sin \Delta E + \sigma_0 (1 - \cos \Delta E) / \sqrt{a},
        \quad \sigma_0 = r_0 \cdot v_0 / \sqrt{\mu}

    Arguments:
        system: Two bodies without softening, bound, with any motion of the centre of mass.
        duration: Time to go [time], with shape (B,). May be negative.

    References:
        | Battin (1999), An Introduction to the Mathematics of Astrodynamics, section 4.3
    """
    mu = system.mass.sum(-1)
    weight = (system.mass / mu[:, None])[..., None]
    drift = (weight * system.velocity).sum(1)
    origin = (weight * system.position).sum(1) + drift * duration[:, None]
    x, v = system.position.diff(dim=1)[:, 0], system.velocity.diff(dim=1)[:, 0]
    r, sigma = x.norm(dim=-1), (x * v).sum(-1) / mu.sqrt()
    a, e, begin = elements(system)
    mean = begin - e * begin.sin() + (mu / a.pow(3)).sqrt() * duration
    de = eccentric_anomaly(mean, e) - begin
    c, s = de.cos(), de.sin()
    end = a + (r - a) * c + sigma * a.sqrt() * s
    f, df = 1 - a / r * (1 - c), -(mu * a).sqrt() / (end * r) * s
    g = a * sigma / mu.sqrt() * (1 - c) + r * (a / mu).sqrt() * s
    dg = 1 - a / end * (1 - c)
    position, velocity = _combine(f, x, g, v), _combine(df, x, dg, v)
    share = torch.stack([-system.mass[:, 1], system.mass[:, 0]], -1)[..., None] / mu[:, None, None]
    return System(
        system.mass,
        origin[:, None] + share * position[:, None],
        drift[:, None] + share * velocity[:, None],
        system.time + duration,
    )


def _combine(f: Tensor, x: Tensor, g: Tensor, v: Tensor) -> Float[Tensor, "B D"]:
    return f[:, None] * x + g[:, None] * v
