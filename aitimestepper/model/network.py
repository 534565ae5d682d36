"""The network behind the learned time step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


class FourierFeatures(nn.Module):
    r"""Sines and cosines of random projections, beside the inputs themselves.

    .. math::
        x \to (x, \cos 2 \pi B x, \sin 2 \pi B x), \qquad B_{ij} \sim N(0, \text{scale}^2)

    They let a small network follow fine structure. B is drawn once, and is part of the state.

    Arguments:
        inputs: Width of x.
        count: Rows of B.
        scale: Standard deviation of its entries, in waves per unit of normalised input.
        dtype: Precision.

    References:
        | Tancik et al. (2020), NeurIPS 33, 7537
    """

    projection: Tensor

    def __init__(self, inputs: int, count: int, scale: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("projection", scale * torch.randn(count, inputs, dtype=dtype))

    def forward(self, x: Float[Tensor, "B F"]) -> Float[Tensor, "B G"]:
        """Inputs, cosines, sines; with shape (B, F + 2 count)."""
        phase = 2 * math.pi * (x @ self.projection.T)
        return torch.cat([x, phase.cos(), phase.sin()], -1)


def perceptron(
    inputs: int,
    hidden: Sequence[int],
    *,
    activation: str,
    dtype: torch.dtype,
    dropout: float = 0.0,
    fourier: int = 0,
    fourier_scale: float = 1.0,
) -> nn.Sequential:
    """A fully connected network from (B, `inputs`) to (B, 1).

    The last layer starts near zero, so that an untrained model proposes the same dimensionless
    step everywhere.

    Arguments:
        inputs: Width of the input.
        hidden: Widths of the hidden layers.
        activation: One of `ACTIVATIONS`.
        dtype: Precision.
        dropout: Share of hidden values dropped while training; active in training mode only.
        fourier: Number of random projections whose sine and cosine join the inputs.
        fourier_scale: Their spread, see `FourierFeatures`.
    """
    layers: list[nn.Module] = []
    if fourier:
        layers.append(FourierFeatures(inputs, fourier, fourier_scale, dtype))
    widths = (inputs + 2 * fourier, *hidden)
    for width_in, width_out in zip(widths, hidden, strict=False):
        layers += [nn.Linear(width_in, width_out, dtype=dtype), ACTIVATIONS[activation]()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    last = nn.Linear(widths[-1], 1, dtype=dtype)
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*layers, last)
