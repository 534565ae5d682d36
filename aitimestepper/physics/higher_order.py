"""Integrators of fourth order, and steps made of smaller ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from .gravity import Field
from .integrators import Integrator, Step, leapfrog
from .state import System

_OUTER = 1 / (2 - 2 ** (1 / 3))
_INNER = 1 - 2 * _OUTER
_KICKS = (0.0829844064174052, 0.396309801498368, -0.0390563049223486)
_DRIFTS = (0.245298957184271, 0.604872665711080)


def yoshida4(
    system: System,
    dt: Float[Tensor, " B"],
    field: Field,
    acceleration: Float[Tensor, "B N D"] | None = None,
) -> Step:
    r"""Three leapfrog steps, the middle one backwards, that cancel each other's error.

    .. math::
        S_4(\Delta t) = S_2(w_1 \Delta t)\, S_2(w_0 \Delta t)\, S_2(w_1 \Delta t), \qquad
        w_1 = \frac{1}{2 - 2^{1/3}}, \quad w_0 = 1 - 2 w_1

    Fourth order, time-reversible, and symplectic while `dt` is constant. Three evaluations a step.
    Arguments and result are those of `leapfrog`.

    References:
        | Yoshida (1990), Phys. Lett. A 150, 262
    """
    step = Step(system, field.acceleration(system) if acceleration is None else acceleration)
    for weight in (_OUTER, _INNER, _OUTER):
        step = leapfrog(step.system, weight * dt, field, step.acceleration)
    end = step.system
    return Step(System(end.mass, end.position, end.velocity, system.time + dt), step.acceleration)


def blanes_moan4(
    system: System,
    dt: Float[Tensor, " B"],
    field: Field,
    acceleration: Float[Tensor, "B N D"] | None = None,
) -> Step:
    r"""Seven kicks with six drifts between them, the method of the smallest error among such.

    .. math::
        S_4(\Delta t) = K(b_1 \Delta t)\, D(a_1 \Delta t)\, K(b_2 \Delta t) \cdots
        D(a_6 \Delta t)\, K(b_7 \Delta t), \qquad a_{7-i} = a_i, \quad b_{8-i} = b_i

    Fourth order, time-reversible, and symplectic while `dt` is constant. Six evaluations a step;
    on a Kepler orbit with e = 0.5 its energy error is some hundreds of times smaller than that of
    `yoshida4` with the same evaluations. Needs forces that do not depend on velocity. Arguments
    and result are those of `leapfrog`.

    References:
        | Blanes & Moan (2002), J. Comput. Appl. Math. 142, 313, table 3, SRKN 6b
    """
    drifts = (*_DRIFTS, 0.5 - sum(_DRIFTS))
    kicks = (*_KICKS, 1 - 2 * sum(_KICKS), *reversed(_KICKS))
    position, velocity, time = system.position, system.velocity, system.time
    kick, h = (
        field.acceleration(system) if acceleration is None else acceleration,
        dt[:, None, None],
    )
    for a, b in zip(drifts + drifts[::-1], kicks[:-1], strict=True):
        velocity = velocity + b * h * kick
        position, time = position + a * h * velocity, time + a * dt
        kick = field.acceleration(System(system.mass, position, velocity, time))
    end = System(system.mass, position, velocity + kicks[-1] * h * kick, system.time + dt)
    return Step(end, kick)


def hermite4(
    system: System,
    dt: Float[Tensor, " B"],
    field: Field,
    acceleration: Float[Tensor, "B N D"] | None = None,  # noqa: ARG001
) -> Step:
    r"""Predict, evaluate acceleration and jerk, correct.

    .. math::
        v_1 &= v_0 + \tfrac12 \Delta t (a_0 + a_1) + \tfrac1{12} \Delta t^2 (\dot a_0 - \dot a_1) \\
        x_1 &= x_0 + \tfrac12 \Delta t (v_0 + v_1) + \tfrac1{12} \Delta t^2 (a_0 - a_1)

    with :math:`a_1` and :math:`\dot a_1` at the state predicted by Taylor's series. Fourth order;
    neither reversible nor symplectic. The jerk comes from differentiating the field along the
    motion, so it works in every field. Two evaluations a step, each of acceleration and jerk: the
    interface hands on no jerk. Arguments are those of `leapfrog`; the acceleration handed on is
    that at the predicted state, which no Hermite step makes use of.

    References:
        | Makino & Aarseth (1992), PASJ 44, 141
    """
    h = dt[:, None, None]
    a0, j0 = acceleration_and_jerk(system, field)
    position = system.position + h * (system.velocity + h / 2 * (a0 + h / 3 * j0))
    velocity = system.velocity + h * (a0 + h / 2 * j0)
    time = system.time + dt
    a1, j1 = acceleration_and_jerk(System(system.mass, position, velocity, time), field)
    v1 = system.velocity + h / 2 * (a0 + a1) + h * h / 12 * (j0 - j1)
    x1 = system.position + h / 2 * (system.velocity + v1) + h * h / 12 * (a0 - a1)
    return Step(System(system.mass, x1, v1, time), a1)


def acceleration_and_jerk(
    system: System, field: Field
) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B N D"]]:
    """Acceleration and its rate of change along the motion, by one forward derivative."""
    at = torch.func.jvp(
        lambda position, time: field.acceleration(
            System(system.mass, position, system.velocity, time)
        ),
        (system.position, system.time),
        (system.velocity, torch.ones_like(system.time)),
    )
    return at[0], at[1]


@dataclass(frozen=True)
class Substeps:
    """One step taken as several equal ones.

    Arguments:
        integrator: Takes each of them.
        count: How many.
    """

    integrator: Integrator
    count: int

    def __call__(
        self,
        system: System,
        dt: Float[Tensor, " B"],
        field: Field,
        acceleration: Float[Tensor, "B N D"] | None = None,
    ) -> Step:
        """Advance by `dt` in all; arguments and result are those of `leapfrog`."""
        step = self.integrator(system, dt / self.count, field, acceleration)
        for _ in range(self.count - 1):
            step = self.integrator(step.system, dt / self.count, field, step.acceleration)
        end = step.system
        whole = System(end.mass, end.position, end.velocity, system.time + dt)
        return Step(whole, step.acceleration)


INTEGRATORS: dict[str, Integrator] = {
    "leapfrog": leapfrog,
    "yoshida4": yoshida4,
    "blanes_moan4": blanes_moan4,
    "hermite4": hermite4,
}
"""Every integrator by the name that settings give it."""
