"""Fields made of other fields: sums, and one that counts."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from .gravity import Field
from .state import System
from .work import time_dependent


@dataclass(frozen=True)
class Combined:
    """The sum of several fields.

    Arguments:
        fields: Its parts; mutual gravity among them gives the softening.
    """

    fields: tuple[Field, ...]

    @property
    def softening(self) -> float:
        """Softening length of the part that has one [length]."""
        return max(getattr(field, "softening", 0.0) for field in self.fields)

    @property
    def time_dependent(self) -> bool:
        """Whether any part changes with time."""
        return any(map(time_dependent, self.fields))

    def energy(self, system: System) -> Float[Tensor, " B"]:
        """Potential energy of each system, with shape (B,)."""
        return torch.stack([field.energy(system) for field in self.fields]).sum(0)

    def acceleration(self, system: System) -> Float[Tensor, "B N D"]:
        """Acceleration of each body, with shape (B, N, D)."""
        return torch.stack([field.acceleration(system) for field in self.fields]).sum(0)


@dataclass
class Counted:
    """A field that counts how often it is asked for accelerations.

    Arguments:
        inner: The field itself.
    """

    inner: Field
    calls: int = field(default=0, init=False)
    """Evaluations of the acceleration so far, each of a whole batch."""

    @property
    def softening(self) -> float:
        """Softening length of the field [length]."""
        return getattr(self.inner, "softening", 0.0)

    @property
    def time_dependent(self) -> bool:
        """Whether the field changes with time."""
        return time_dependent(self.inner)

    def energy(self, system: System) -> Float[Tensor, " B"]:
        """Potential energy of each system, not counted."""
        return self.inner.energy(system)

    def acceleration(self, system: System) -> Float[Tensor, "B N D"]:
        """Acceleration of each body; a derivative along the way is part of one evaluation."""
        self.calls += 1
        return self.inner.acceleration(system)
