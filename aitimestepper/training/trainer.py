"""Everything that changes while a model trains, in one place that can be saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from ..model.timestep import LearnedTimeStep
from ..physics.gate import Gate
from .losses import StepLoss
from .optimiser import Optimiser
from .orbits import Orbits
from .samples import Samples, Tried, TryFirst, try_first


@dataclass(frozen=True)
class Training:
    """One model and what trains it.

    Its parts change in place; `state_dict` is the whole of what changes.
    """

    model: LearnedTimeStep
    optimiser: Optimiser
    orbits: Orbits
    generator: torch.Generator
    gate: Gate
    loss: StepLoss
    dropout: bool = False
    """Whether the network behaves differently while it learns; never while it is judged."""
    first: TryFirst = try_first
    """Prepares and attempts a step of every orbit; the compiled one, where that is wanted."""

    def attempt(self) -> Tried:
        """The first attempt from where the orbits stand."""
        orbits = self.orbits
        return self.first(orbits.system, orbits.window, self.model, self.gate, orbits.running)

    def update(self, samples: Samples) -> None:
        """One step of the optimiser on single-step predictions from these samples."""
        with self._learning():
            log_dt = self.model.log_dt(samples.inputs)
        self.optimiser.update(self.loss(log_dt, samples.begin, self.gate).mean())

    @contextmanager
    def _learning(self) -> Iterator[None]:
        """Training mode for the length of the block, with dropout drawn from our own generator."""
        if not self.dropout:
            yield
            return
        seed = torch.randint(2**62, (1,), generator=self.generator).item()
        device = self.model.centre.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            self.model.train()
            try:
                yield
            finally:
                self.model.eval()

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes: plain numbers and tensors, safe to load without pickle."""
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "orbits": self.orbits.state_dict(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, bit for bit."""
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.orbits.load_state_dict(state["orbits"])
        self.generator.set_state(state["generator"])
