"""The systems that training follows, from start to restart."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..physics.initial_conditions import Sampler
from ..physics.state import System, where


class Orbits:
    """B systems that advance in lockstep; each restarts elsewhere after a number of periods.

    An orbit keeps its masses when it restarts, and its clock begins at zero again.

    Arguments:
        sampler: Draws the initial conditions.
        count: B.
        generator: Source of randomness; a restart draws from it.
        periods: Age, in periods of the initial orbit, at which a system restarts.
        like: A tensor with the device and precision to work in.
    """

    def __init__(
        self,
        sampler: Sampler,
        count: int,
        generator: torch.Generator,
        *,
        periods: float,
        like: Tensor,
    ) -> None:
        self._sampler, self._generator, self._like = sampler, generator, like
        self._periods = periods
        self._mass = sampler.masses(count, generator)
        self.system, self._period = self._draw()
        self.fresh = torch.ones(count, dtype=torch.bool, device=like.device)

    def _draw(self) -> tuple[System, Float[Tensor, " B"]]:
        system, period = self._sampler.draw(self._mass, self._generator)
        return system.to(self._like.device, self._like.dtype), period.to(self._like)

    def advance(self, system: System, bound: Bool[Tensor, " B"]) -> None:
        """Move on to the states that a step led to; restart what is old or no longer bound."""
        old = (system.time >= self._periods * self._period) | ~bound
        if bool(old.any()):
            begin, period = self._draw()
            system = where(old, begin, system)
            self._period = torch.where(old, period, self._period)
        self.system, self.fresh = system, old

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "system": list(self.system),
            "sampler_mass": self._mass,
            "period": self._period,
            "fresh": self.fresh,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.system = System(*state["system"]).to(self._like.device)
        self._mass = state["sampler_mass"]
        self._period = state["period"].to(self._like.device)
        self.fresh = state["fresh"].to(self._like.device)
