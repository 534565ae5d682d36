"""Classical time step rules: what the learned step has to beat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..physics.gate import Gate, Start
from ..physics.gravity import Field
from ..physics.state import System
from ..physics.timescales import free_fall_time


def _of(value: float | Tensor, rows: Tensor) -> float | Tensor:
    return value[rows] if isinstance(value, Tensor) else value


@dataclass(frozen=True)
class Fixed:
    """The same step everywhere: `dt` [time], a number or one for each system with shape (B,)."""

    dt: float | Float[Tensor, " B"]

    def __call__(self, system: System) -> Float[Tensor, " B"]:
        """The step of each system [time]."""
        return torch.zeros_like(system.time) + self.dt

    def take(self, rows: Tensor) -> Fixed:
        """The rule for some of the systems."""
        return Fixed(_of(self.dt, rows))


@dataclass(frozen=True)
class FreeFall:
    """The free-fall time of the tightest pair times `eta`, a number or one for each system."""

    eta: float | Float[Tensor, " B"]
    field: Field

    def __call__(self, system: System) -> Float[Tensor, " B"]:
        """The step of each system [time]."""
        return self.eta * free_fall_time(system, self.field)

    def take(self, rows: Tensor) -> FreeFall:
        """The rule for some of the systems."""
        return FreeFall(_of(self.eta, rows), self.field)


@dataclass(frozen=True)
class Aarseth:
    r"""The criterion of Aarseth without its higher derivatives, from acceleration and jerk.

    .. math::
        \Delta t = \eta \min\left(t_\mathrm{ff}, \min_i \frac{|a_i|}{|\dot a_i|}\right)

    The free-fall time bounds it where bodies at rest have no jerk.

    The jerk comes from differentiating the field along the motion (one backward pass), so the
    rule works for every field.

    References:
        | Makino & Aarseth (1992), PASJ 44, 141 (the full form)
    """

    evaluations: ClassVar[int] = 1
    """Evaluations of the force that a proposal takes, besides those of the step."""

    eta: float | Float[Tensor, " B"]
    field: Field

    def __call__(self, system: System) -> Float[Tensor, " B"]:
        """The step of each system [time]."""
        moving = torch.func.jvp(
            lambda x: self.field.acceleration(System(system.mass, x, system.velocity, system.time)),
            (system.position,),
            (system.velocity,),
        )
        acceleration, jerk = (t.norm(dim=-1) for t in moving)
        shortest = torch.minimum((acceleration / jerk).amin(-1), free_fall_time(system, self.field))
        return self.eta * shortest

    def take(self, rows: Tensor) -> Aarseth:
        """The rule for some of the systems."""
        return Aarseth(_of(self.eta, rows), self.field)


@dataclass(frozen=True)
class Oracle:
    r"""The largest step before the first failure of the gate: the limit of one-step control.

    Bracketed on a logarithmic grid in units of the free-fall time, then bisected. It looks at the
    answer before it proposes, so it is a yardstick and no rule.
    """

    gate: Gate
    eta_min: float = 1e-4
    eta_max: float = 4.0
    grid: int = 96
    bisections: int = 24

    @property
    def evaluations(self) -> int:
        """Evaluations of the force that a proposal takes, besides those of the step."""
        return 1 + self.gate.probes * (self.grid + self.bisections)

    def __call__(self, system: System) -> Float[Tensor, " B"]:
        """The step of each system [time]."""
        begin = self.gate.start(system)
        lower, upper = self._bracket(begin, free_fall_time(system, self.gate.field))
        for _ in range(self.bisections):
            middle = (lower * upper).sqrt()
            good = self._passes(begin, middle)
            lower, upper = torch.where(good, middle, lower), torch.where(good, upper, middle)
        return lower

    def _passes(self, begin: Start, dt: Float[Tensor, " B"]) -> Bool[Tensor, " B"]:
        return self.gate.passes(self.gate.attempt(begin, dt))

    def _bracket(self, begin: Start, scale: Float[Tensor, " B"]) -> tuple[Tensor, Tensor]:
        """Last passing and first failing step of the grid, each with shape (B,)."""
        limits = math.log10(self.eta_min), math.log10(self.eta_max)
        eta = torch.logspace(*limits, self.grid, dtype=scale.dtype, device=scale.device)
        steps = eta[:, None] * scale
        good = self._passes(begin.repeat(self.grid), steps.reshape(-1)).view(steps.shape)
        passing = good.long().cumprod(0).sum(0)
        last = torch.stack([passing - 1, passing]).clamp(0, self.grid - 1)
        lower, upper = steps.gather(0, last)
        return lower, upper
