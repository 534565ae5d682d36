"""Times that a system sets for itself: the yardsticks of every time step rule."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from .gravity import Field, separations
from .state import System


def pair_free_fall_time(system: System, softening: float = 0.0) -> Float[Tensor, "B P"]:
    r"""Free-fall time of every pair [time], with shape (B, P).

    .. math::
        t_{ij} = \frac{(r_{ij}^2 + \epsilon^2)^{3/4}}{\sqrt{m_i + m_j}}

    The pair at rest really falls together in 1.11 (that is, pi / (2 sqrt 2)) times this; the
    plain form is the customary one, and its eta the one that tables quote.
    """
    _, square, (i, j, _) = separations(system, softening)
    both = system.mass.index_select(1, i) + system.mass.index_select(1, j)
    return square.sqrt() * square.sqrt().sqrt() * both.rsqrt()


def free_fall_time(system: System, field: Field) -> Float[Tensor, " B"]:
    """Free-fall time of the tightest pair of each system [time], with shape (B,)."""
    softening = getattr(field, "softening", 0.0)
    return pair_free_fall_time(system, softening).amin(-1)
