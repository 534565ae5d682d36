"""The network through torch.compile, with a measurement of what that brings."""

from __future__ import annotations

import time
from typing import NamedTuple

import torch
from torch import nn

_ROWS = 768
_REPEATS = 30


class Speed(NamedTuple):
    """Seconds that one prediction and its gradient take."""

    eager: float
    compiled: float

    @property
    def gain(self) -> float:
        """How many times faster the compiled network is; below 1 it is slower."""
        return self.eager / self.compiled


def compile_network(network: nn.Module, inputs: int) -> Speed:
    """Compile a network in place; its weights and their names stay what they are.

    Arguments:
        network: Maps (B, `inputs`) to (B, 1).
        inputs: Width of its input.

    Raises:
        RuntimeError: PyTorch finds no compiler on this machine.
    """
    like = next(network.parameters())
    rows = like.new_zeros(_ROWS, inputs)
    eager = _seconds(network, rows)
    network.compile()
    return Speed(eager, _seconds(network, rows))


def _seconds(network: nn.Module, rows: torch.Tensor) -> float:
    """Median over some passes, the first two left out."""
    taken = []
    for _ in range(_REPEATS + 2):
        begin = time.perf_counter()
        torch.autograd.grad(network(rows).sum(), list(network.parameters()))
        if rows.is_cuda:
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - begin)
    return sorted(taken[2:])[_REPEATS // 2]
