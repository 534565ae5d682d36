"""A rule with all of its steps longer or shorter by one factor."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ..physics.state import System
from .history import Window, remembering
from .timestep import TimeStep


@dataclass(frozen=True)
class Scaled:
    """Another rule's steps times a factor; it remembers what that rule remembers.

    The error of a leapfrog step goes with the third power of its length, so that half the step is
    an eighth of the threshold: the dial that a model has without being trained again.
    """

    step: TimeStep
    factor: float

    def __call__(self, system: System) -> Float[Tensor, " B"]:
        """The step of each system [time]."""
        return self.factor * self.step(system)

    def begin(self, system: System) -> Window:
        """The window of systems at their start."""
        return remembering(self.step).begin(system)

    def propose(self, system: System, window: Window) -> Float[Tensor, " B"]:
        """Step of each system with its past [time], with shape (B,)."""
        return self.factor * remembering(self.step).propose(system, window)

    def update(self, system: System, window: Window) -> Window:
        """The window once the state `system` has been left behind."""
        return remembering(self.step).update(system, window)

    def take(self, rows: Tensor) -> Scaled:
        """The rule for some of the systems."""
        take = getattr(self.step, "take", None)
        return self if take is None else Scaled(take(rows), self.factor)

    @property
    def evaluations(self) -> int:
        """Evaluations of the force that a proposal takes, besides those of the step."""
        return getattr(self.step, "evaluations", 0)
