"""The systems that training follows, from start to restart or stop."""

from __future__ import annotations

from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..model.history import Window
from ..model.timestep import LearnedTimeStep
from ..physics.initial_conditions import Sampler
from ..physics.state import System, where

AtEnd = Literal["restart", "stop"]
"""What an orbit does when its periods are over."""


class Orbits:
    """B systems that advance in lockstep; each restarts elsewhere, or stops, after some periods.

    An orbit keeps its masses when it restarts, its clock begins at zero again, and it has no past:
    a window never reaches across a restart.

    Arguments:
        sampler: Draws the initial conditions.
        count: B.
        generator: Source of randomness; a restart draws from it.
        model: Says what is remembered of the past, and brings device and precision.
        periods: Age, in periods of the initial orbit, at which a system has come to its end.
        at_end: Whether it then restarts from new initial conditions or stops for good. One that
            is no longer bound, or so tight that rounding hides its errors, does the same.
    """

    def __init__(
        self,
        sampler: Sampler,
        count: int,
        generator: torch.Generator,
        model: LearnedTimeStep,
        *,
        periods: float,
        at_end: AtEnd = "restart",
    ) -> None:
        self._sampler, self._generator, self._model = sampler, generator, model
        self._periods, self._stops = periods, at_end == "stop"
        self._mass = sampler.masses(count, generator)
        self.system, self._period = self._draw()
        self.window = model.begin(self.system)
        self.fresh = torch.ones(count, dtype=torch.bool, device=self.system.time.device)
        self.running = torch.ones_like(self.fresh)

    def _draw(self) -> tuple[System, Float[Tensor, " B"]]:
        system, period = self._sampler.draw(self._mass, self._generator)
        like = self._model.centre
        return system.to(like.device, like.dtype), period.to(like)

    def advance(self, system: System, sound: Bool[Tensor, " B"]) -> None:
        """Move on to the states that a step led to; end what is old or no longer sound."""
        window = self._model.update(self.system, self.window)
        old = (system.time >= self._periods * self._period) | ~sound
        if self._stops:
            self.running = self.running & ~old
            old = torch.zeros_like(old)
        elif bool(old.any()):
            begin, period = self._draw()
            system = where(old, begin, system)
            self._period = torch.where(old, period, self._period)
            window = window.cleared(old)
        self.system, self.window, self.fresh = system, window, old

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "system": list(self.system),
            "sampler_mass": self._mass,
            "period": self._period,
            "fresh": self.fresh,
            "running": self.running,
            "window": list(self.window),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        device = self.system.time.device
        self.system = System(*state["system"]).to(device)
        self._mass = state["sampler_mass"]
        self._period = state["period"].to(device)
        self.fresh = state["fresh"].to(device)
        self.running = state["running"].to(device)
        self.window = Window(*(tensor.to(device) for tensor in state["window"]))
