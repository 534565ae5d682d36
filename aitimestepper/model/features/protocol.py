"""What every set of features can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

from jaxtyping import Float
from torch import Tensor

from ...physics.gravity import Gravity
from ...physics.state import System


class Features(Protocol):
    """From states to entries for the network, one entry for each state or change of state.

    A state is observed once; the R numbers of an observation are what a window remembers. T
    observations in a row, newest first, make T - `lag` entries of F numbers.
    """

    lag: ClassVar[int]
    """How many earlier states an entry needs besides its own."""
    evaluations: ClassVar[int]
    """Evaluations of the force that an observation takes."""

    @property
    def field(self) -> Gravity:
        """Mutual gravity, which also sets the unit of the step."""
        ...

    def size(self, bodies: int) -> int:
        """Numbers of an entry, F."""
        ...

    def observed(self, bodies: int, dimensions: int) -> int:
        """Numbers of an observation, R."""
        ...

    def observe(self, system: System) -> Float[Tensor, "B R"]:
        """What is remembered of each state."""
        ...

    def entries(self, seen: Float[Tensor, "B T R"], bodies: int) -> Float[Tensor, "B E F"]:
        """What the network is shown of T observations of N bodies, newest first."""
        ...


class OfState(ABC):
    """Features of one state at a time: what is remembered is what the network is shown."""

    lag: ClassVar[int] = 0

    @abstractmethod
    def size(self, bodies: int) -> int:
        """Numbers of an entry, F."""

    @abstractmethod
    def __call__(self, system: System) -> Float[Tensor, "B F"]:
        """Features of each system, with shape (B, F)."""

    def observed(self, bodies: int, dimensions: int) -> int:  # noqa: ARG002
        """As many numbers as features."""
        return self.size(bodies)

    def observe(self, system: System) -> Float[Tensor, "B F"]:
        """The features themselves."""
        return self(system)

    def entries(self, seen: Float[Tensor, "B T F"], bodies: int) -> Float[Tensor, "B T F"]:  # noqa: ARG002
        """The observations as they are."""
        return seen
