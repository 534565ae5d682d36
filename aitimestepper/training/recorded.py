"""Everything accepted so far, in memory, ready for phase 2."""

from __future__ import annotations

from torch import Tensor

from .samples import Samples, flatten, unflatten


class Recorded:
    """Samples that only grow; room doubles when it runs out, so appending is cheap."""

    def __init__(self) -> None:
        self._count = 0
        self._room: list[Tensor] = []

    def __len__(self) -> int:
        """Number of samples."""
        return self._count

    def append(self, samples: Samples) -> None:
        """Add samples at the end."""
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
        """Some of the samples, by index into what was appended."""
        inside = slice(0, self._count)
        return unflatten([room[inside][rows] for room in self._room])
