"""Systems from the trained range that were never trained on."""

from __future__ import annotations

import torch

from ..physics.initial_conditions import Sampler
from .cases import Case

_APART = 0x5EED_0000
"""Added to the seed of a run, so that no system is drawn twice."""


def held_out(sampler: Sampler, count: int, seed: int) -> list[Case]:
    """Cases drawn by the sampler of a run with a seed of their own."""
    generator = torch.Generator().manual_seed(seed + _APART)
    drawn = sampler.draw(sampler.masses(count, generator), generator)
    return [
        Case(f"held-out-{i:03d}", drawn.system[i : i + 1], drawn.period[i].item(), None, "sampler")
        for i in range(count)
    ]
