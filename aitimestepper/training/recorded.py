"""Everything accepted so far that phase 2 trains on, in memory."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from .samples import Samples, flatten, unflatten


class Recorded:
    """Samples that only grow, but for one moment: warm-up leaves when the first real ones come.

    A sample is warm-up while its history was incomplete when it was accepted. Warm-up samples
    serve while there is nothing better. Room doubles when it runs out, so appending is cheap.
    """

    def __init__(self) -> None:
        self._count = 0
        self._room: list[Tensor] = []
        self._warming = True

    def __len__(self) -> int:
        """Number of samples."""
        return self._count

    def append(self, samples: Samples, warm: Bool[Tensor, " B"] | None = None) -> None:
        """Add samples at the end; `warm` where their history is incomplete, nowhere by default."""
        real = torch.ones_like(samples.begin.energy, dtype=torch.bool) if warm is None else ~warm
        if bool(real.any()):
            if self._warming:
                self._count, self._warming = 0, False
            self._extend(samples if bool(real.all()) else samples.take(real))
        elif self._warming:
            self._extend(samples)

    def _extend(self, samples: Samples) -> None:
        tensors = flatten(samples)
        end = self._count + len(tensors[0])
        if not self._room or end > len(self._room[0]):
            self._grow(tensors, 2 * end)
        for room, tensor in zip(self._room, tensors, strict=True):
            room[self._count : end] = tensor
        self._count = end

    def _grow(self, tensors: list[Tensor], size: int) -> None:
        grown = [t.new_empty(size, *t.shape[1:]) for t in tensors]
        for new, old in zip(grown, self._room, strict=False):
            new[: self._count] = old[: self._count]
        self._room = grown

    def take(self, rows: Tensor | slice) -> Samples:
        """Some of the samples, by index into what is there."""
        inside = slice(0, self._count)
        return unflatten([room[inside][rows] for room in self._room])
