"""Times that a system sets for itself: the yardsticks of every time step rule."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from .gravity import Field, pairs
from .state import System
from .sums import total


def pair_free_fall_time(system: System, softening: float = 0.0) -> Float[Tensor, "B P"]:
    r"""Free-fall time of every pair [time], with shape (B, P).

    .. math::
        t_{ij} = \frac{(r_{ij}^2 + \epsilon^2)^{3/4}}{\sqrt{m_i + m_j}}

    The pair at rest really falls together in 1.11 (that is, pi / (2 sqrt 2)) times this; the
    plain form is the customary one, and its eta the one that tables quote.
    """
    i, j, _ = pairs(system.mass.shape[1], system.mass.device)
    x, m = system.position, system.mass
    separation = x.index_select(1, j) - x.index_select(1, i)
    square = total(separation.square()) + softening**2
    return (
        square.sqrt() * square.sqrt().sqrt() * (m.index_select(1, i) + m.index_select(1, j)).rsqrt()
    )


def free_fall_time(system: System, field: Field) -> Float[Tensor, " B"]:
    """Free-fall time of the tightest pair of each system [time], with shape (B,)."""
    softening = getattr(field, "softening", 0.0)
    return pair_free_fall_time(system, softening).amin(-1)
