"""The gate: a step is accepted only if its energy error, and that of shorter steps, is small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .conserved import total_energy
from .gravity import Field
from .integrators import Integrator, leapfrog
from .state import System
from .work import time_dependent, work


class Start(NamedTuple):
    """A state with what every attempt from it needs, computed once."""

    system: System
    acceleration: Float[Tensor, "B N D"]
    energy: Float[Tensor, " B"]

    def take(self, rows: slice | Tensor) -> Start:
        """Some of the systems."""
        return Start(self.system[rows], self.acceleration[rows], self.energy[rows])

    def repeat(self, times: int) -> Start:
        """The whole batch `times` over."""
        return Start(
            self.system.repeat(times),
            self.acceleration.repeat(times, 1, 1),
            self.energy.repeat(times),
        )


class Attempt(NamedTuple):
    """One trial step, before anybody decides to keep it."""

    system: System
    acceleration: Float[Tensor, "B N D"]
    dt: Float[Tensor, " B"]
    energy: Float[Tensor, " B"]
    """Energy at the end of the step."""
    error: Float[Tensor, " B"]
    """Worst relative energy error of the step and of the probes inside it; NaN if it blew up."""


@dataclass(frozen=True)
class Gate:
    r"""Judges steps by their energy error at `probes` fractions of their length.

    .. math::
        \epsilon = \max_{k = 1 .. P} \left| \frac{E(\tfrac{k}{P} \Delta t) - E_0}{E_0} \right|
        \le \text{threshold}

    The error of one step changes sign at some large `dt`, so a far too long step can pass by
    luck; the probes make sure that a step lies before the *first* failure. The scale is the
    total energy in the centre-of-mass frame, which is why systems must be bound. In a field that
    changes with time, energy is not conserved: :math:`E_0` then grows by the work that the change
    of the field does along the step, see `work`.

    Arguments:
        field: Source of force and energy.
        threshold: Largest relative energy error of a step.
        probes: Number of fractions, the last of them the whole step.
        integrator: Takes the step.
    """

    field: Field
    threshold: float
    probes: int = 4
    integrator: Integrator = leapfrog

    def start(self, system: System) -> Start:
        """Prepare a state for attempts."""
        return Start(system, self.field.acceleration(system), total_energy(system, self.field))

    def attempt(self, begin: Start, dt: Float[Tensor, " B"]) -> Attempt:
        """Take one step of `dt` [time], with shape (B,), and measure it."""
        count = len(begin.system)
        many = begin.repeat(self.probes)
        fractions = torch.arange(1, self.probes + 1, dtype=dt.dtype, device=dt.device)
        lengths = (fractions[:, None] / self.probes * dt).reshape(-1)
        system, end = self.integrator(many.system, lengths, self.field, many.acceleration)
        energy = total_energy(system, self.field)
        change = energy - many.energy
        if time_dependent(self.field):
            change = change - work(self.field, many.system, system)
        error = (change / many.energy).abs()
        last = slice(-count, None) if count else slice(0)
        worst = error.view(self.probes, count).amax(0)
        return Attempt(system[last], end[last], dt, energy[last], worst)

    def passes(self, trial: Attempt) -> Bool[Tensor, " B"]:
        """Which systems may keep the step. A NaN compares false, so it is rejected."""
        return (trial.error <= self.threshold) & (trial.dt > 0)
