"""Phase 1 through torch.compile, with a measurement of what that brings."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from typing import NamedTuple

import torch

from .samples import try_first
from .trainer import Training

_REPEATS = 30


class Speed(NamedTuple):
    """Seconds that one attempt of all orbits takes."""

    eager: float
    compiled: float

    @property
    def gain(self) -> float:
        """How many times faster the compiled attempt is; below 1 it is slower."""
        return self.eager / self.compiled


def compiled(training: Training) -> tuple[Training, Speed]:
    """The same training with its first attempts compiled, which takes a minute at first.

    What a compiled attempt says differs from the other by rounding; whoever reads recorded states
    back uses the one that recorded them.

    Raises:
        RuntimeError: PyTorch finds no compiler on this machine.
    """
    faster = replace(training, first=torch.compile(try_first, dynamic=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about our cached indices of pairs, which never change
        return faster, Speed(_seconds(training), _seconds(faster))


def _seconds(training: Training) -> float:
    """Median over some attempts, the first two left out."""
    taken = []
    for _ in range(_REPEATS + 2):
        begin = time.perf_counter()
        bool(training.attempt().failing.any())  # waits for a GPU
        taken.append(time.perf_counter() - begin)
    return sorted(taken[2:])[_REPEATS // 2]
