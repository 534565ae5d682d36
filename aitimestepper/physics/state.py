"""The state of a batch of gravitating systems.

Axes are always B systems, N bodies, D dimensions, in that order. There is no unbatched
form: one system is a batch of one. Quantities are in N-body units, G = 1
(Heggie & Mathieu 1986), unless a docstring says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class System:
    """Point masses in phase space; immutable, so a rejected step leaves no trace."""

    mass: Float[Tensor, "B N"]
    position: Float[Tensor, "B N D"]
    velocity: Float[Tensor, "B N D"]
    time: Float[Tensor, " B"]

    def __iter__(self) -> Iterator[Tensor]:
        """The four tensors, in the order they are declared."""
        return iter((self.mass, self.position, self.velocity, self.time))

    def __getitem__(self, rows: slice | Tensor) -> System:
        """Some of the systems, still a batch."""
        return System(*(tensor[rows] for tensor in self))

    def __len__(self) -> int:
        """Number of systems in the batch."""
        return self.mass.shape[0]

    def repeat(self, times: int) -> System:
        """The whole batch `times` over: rows b, b + B, b + 2B, ... are copies of row b."""
        return System(*(t.repeat(times, *(1,) * (t.ndim - 1)) for t in self))

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> System:
        """The same systems on another device, and in another precision if one is given."""
        return System(*(tensor.to(device=device, dtype=dtype) for tensor in self))


def assemble(
    mass: Tensor, position: Tensor, velocity: Tensor, time: Tensor | None = None
) -> System:
    """Build a system from outside data; the one place that checks shapes at run time.

    Arguments:
        mass: Masses, with shape (B, N).
        position: Positions [length], with shape (B, N, D).
        velocity: Velocities [length / time], with shape (B, N, D).
        time: Time of each system, with shape (B,); zero when left out.

    Raises:
        ValueError: The shapes do not belong together.
    """
    time = mass.new_zeros(mass.shape[:1]) if time is None else time
    phase = (*mass.shape, *position.shape[-1:])
    if mass.ndim != 2 or not position.shape == velocity.shape == phase or time.shape != phase[:1]:
        raise ValueError(
            f"The shapes do not make a system: mass {tuple(mass.shape)}, "
            f"position {tuple(position.shape)}, velocity {tuple(velocity.shape)}, "
            f"time {tuple(time.shape)}. Expected (B, N), (B, N, D), (B, N, D), (B,). "
            "A single system is a batch of one: add the axis with `tensor[None]`."
        )
    return System(mass, position, velocity, time)


def where(mask: Bool[Tensor, " B"], new: System, old: System) -> System:
    """Take `new` for the systems in `mask` and `old` for the others."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(mask.view(-1, *(1,) * (a.ndim - 1)), a, b)

    return System(*map(pick, new, old))


def join(systems: list[System]) -> System:
    """One batch out of several with the same N and D, in the order given."""
    return System(*(torch.cat(tensors) for tensors in zip(*systems, strict=True)))


def centre(system: System) -> System:
    """The same systems seen from their centres of mass."""
    weight = (system.mass / system.mass.sum(-1, keepdim=True))[..., None]
    position = system.position - (weight * system.position).sum(1, keepdim=True)
    velocity = system.velocity - (weight * system.velocity).sum(1, keepdim=True)
    return System(system.mass, position, velocity, system.time)
