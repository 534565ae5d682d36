"""Quantities that the exact motion conserves: energy, momentum, angular momentum."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .gravity import Field, separations
from .state import System
from .sums import total


def momentum(system: System) -> Float[Tensor, "B D"]:
    r"""Linear momentum :math:`\sum_i m_i v_i` [mass length / time], with shape (B, D)."""
    return total(system.mass[..., None] * system.velocity, 1)


def angular_momentum(system: System) -> Float[Tensor, "B 3"]:
    r"""Angular momentum :math:`\sum_i m_i x_i \times v_i` [mass length^2 / time], shape (B, 3).

    Motion in a plane counts as motion in space with z = 0, so that the result has one shape.
    """
    missing = 3 - system.position.shape[-1]
    position, velocity = (
        torch.nn.functional.pad(t, (0, missing)) for t in (system.position, system.velocity)
    )
    return (system.mass[..., None] * torch.linalg.cross(position, velocity)).sum(1)


def kinetic_energy(system: System) -> Float[Tensor, " B"]:
    r"""Kinetic energy in the centre-of-mass frame, with shape (B,).

    .. math::
        T = \tfrac12 \sum_i m_i v_i^2 - \frac{|\sum_i m_i v_i|^2}{2 \sum_i m_i}

    The motion of the centre of mass is left out: no internal force changes it, and a relative
    energy error that counted it could be made small by watching from a moving train.
    """
    own = 0.5 * total(system.mass * total(system.velocity.square()))
    return own - 0.5 * total(momentum(system).square()) / total(system.mass)


def total_energy(system: System, field: Field) -> Float[Tensor, " B"]:
    """Kinetic energy in the centre-of-mass frame plus potential energy, with shape (B,)."""
    return kinetic_energy(system) + field.energy(system)


def rounding_of_energy(system: System, softening: float = 0.0) -> Float[Tensor, " B"]:
    r"""Energy that the rounding of the coordinates alone may add or take, with shape (B,).

    .. math::
        \delta E = \varepsilon \max_k |x_k| \sum_{i<j} \frac{m_i m_j}{r_{ij}^2 + \epsilon^2}

    with the machine's precision :math:`\varepsilon`: a tight pair far from the origin is known
    only as well as the difference of its large coordinates.
    """
    _, square, (i, j, _) = separations(system, softening)
    x, m = system.position, system.mass
    slope = total(m.index_select(1, i) * m.index_select(1, j) / square)
    return torch.finfo(x.dtype).eps * x.abs().amax((1, 2)) * slope
