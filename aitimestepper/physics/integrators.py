"""One step of time integration; each integrator is a function of one interface."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from .gravity import Field
from .state import System


class Step(NamedTuple):
    """Where a step led."""

    system: System
    acceleration: Float[Tensor, "B N D"]
    """Acceleration at the new state, to hand to the next step: one evaluation a step, not two."""


@runtime_checkable
class Integrator(Protocol):
    """Advances every system by its own step."""

    def __call__(
        self,
        system: System,
        dt: Float[Tensor, " B"],
        field: Field,
        acceleration: Float[Tensor, "B N D"] | None = None,
    ) -> Step:
        """Advance by `dt`; `acceleration` is that of `system`, where the caller has it."""
        ...


def leapfrog(
    system: System,
    dt: Float[Tensor, " B"],
    field: Field,
    acceleration: Float[Tensor, "B N D"] | None = None,
) -> Step:
    r"""Advance every system by its own `dt` with one kick-drift-kick step.

    .. math::
        v_{1/2} &= v_0 + \tfrac12 \Delta t\, a(x_0) \\
        x_1 &= x_0 + \Delta t\, v_{1/2} \\
        v_1 &= v_{1/2} + \tfrac12 \Delta t\, a(x_1)

    Second order, time-reversible, and symplectic while `dt` is constant. A `dt` that
    depends on the state keeps the order and loses the other two (Hut, Makino & McMillan
    1995), which is what the energy gate is for.

    Arguments:
        system: State at the start of the step.
        dt: Step of each system [time], with shape (B,). May be negative.
        field: Source of the acceleration.
        acceleration: Acceleration at `system`, with shape (B, N, D); computed when left out.

    Returns:
        State at `system.time + dt` and the acceleration there.

    References:
        | Hut, Makino & McMillan (1995), ApJ 443, L93
    """
    start = field.acceleration(system) if acceleration is None else acceleration
    h = dt[:, None, None]
    kicked = system.velocity + 0.5 * h * start
    position, time = system.position + h * kicked, system.time + dt
    end = field.acceleration(System(system.mass, position, kicked, time))
    return Step(System(system.mass, position, kicked + 0.5 * h * end, time), end)
