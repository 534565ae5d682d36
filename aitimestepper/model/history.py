"""What a time step rule remembers of the past of each system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..physics.state import System

if TYPE_CHECKING:
    from .timestep import TimeStep


class Window(NamedTuple):
    """The last K observations of each system; replaced at every step, never changed in place."""

    past: Float[Tensor, "B K R"]
    """Observations of R numbers, newest first; zeros where there was no past yet."""
    count: Int[Tensor, " B"]
    """How many of them are real."""

    def take(self, rows: slice | Tensor) -> Window:
        """The windows of some of the systems."""
        return Window(self.past[rows], self.count[rows])

    def to(self, like: Tensor) -> Window:
        """The same windows on the device and in the precision of a tensor."""
        return Window(self.past.to(like), self.count.to(like.device))

    def put(self, rows: Tensor, new: Window) -> Window:
        """The same windows with those of `rows` replaced, in the order given."""
        return Window(
            self.past.index_copy(0, rows, new.past), self.count.index_copy(0, rows, new.count)
        )

    def cleared(self, rows: Bool[Tensor, " B"]) -> Window:
        """The same windows, empty for the systems in `rows`: a new episode has no past."""
        return Window(
            torch.where(rows[:, None, None], 0.0, self.past), torch.where(rows, 0, self.count)
        )

    def pushed(self, observation: Float[Tensor, "B R"]) -> Window:
        """One observation further; the oldest falls out."""
        length = self.past.shape[1]
        if not length:
            return self
        past = torch.cat([observation[:, None], self.past[:, :-1]], 1)
        return Window(past, (self.count + 1).clamp(max=length))

    @property
    def full(self) -> Bool[Tensor, " B"]:
        """Which systems have all the past that the rule wants."""
        return self.count >= self.past.shape[1]


def empty(system: System, length: int, size: int) -> Window:
    """Windows without any past: K = `length` observations of R = `size` numbers."""
    time, batch = system.time, system.time.shape[0]
    return Window(
        time.new_zeros(batch, length, size),
        torch.zeros(batch, dtype=torch.long, device=time.device),
    )


@runtime_checkable
class Remembering(Protocol):
    """A time step rule that may look at the past: whoever follows systems carries its window."""

    def begin(self, system: System) -> Window:
        """The window of systems at their start."""
        ...

    def propose(self, system: System, window: Window) -> Float[Tensor, " B"]:
        """Step of each system [time], with shape (B,)."""
        ...

    def update(self, system: System, window: Window) -> Window:
        """The window once the state `system` has been left behind."""
        ...


@dataclass(frozen=True)
class Memoryless:
    """A rule of the present state alone, as one whose window is always empty."""

    step: TimeStep

    def begin(self, system: System) -> Window:
        """An empty window."""
        return empty(system, 0, 0)

    def propose(self, system: System, window: Window) -> Float[Tensor, " B"]:  # noqa: ARG002
        """The step that the present state asks for."""
        return self.step(system)

    def update(self, system: System, window: Window) -> Window:  # noqa: ARG002
        """Still empty."""
        return window


def remembering(step: TimeStep) -> Remembering:
    """Any rule as one that is carried along with a window."""
    return step if isinstance(step, Remembering) else Memoryless(step)


def remembers(step: TimeStep, system: System) -> bool:
    """Whether a rule looks at the past of such systems."""
    return remembering(step).begin(system[:1]).past.shape[1] > 0
