"""The network behind the learned time step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


def perceptron(
    inputs: int, hidden: Sequence[int], *, activation: str, dtype: torch.dtype
) -> nn.Sequential:
    """A fully connected network from (B, `inputs`) to (B, 1).

    The last layer starts near zero, so that an untrained model proposes the same dimensionless
    step everywhere.
    """
    layers: list[nn.Module] = []
    for width_in, width_out in zip((inputs, *hidden), hidden, strict=False):
        layers += [nn.Linear(width_in, width_out, dtype=dtype), ACTIVATIONS[activation]()]
    last = nn.Linear((inputs, *hidden)[-1], 1, dtype=dtype)
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)
