"""Sums over short axes, which the general reduction is an order of magnitude slower at."""

from __future__ import annotations

from torch import Tensor

_SHORT = 4
"""Longest axis whose elements the general reduction adds one by one, so that no bit changes."""


def total(values: Tensor, axis: int = -1) -> Tensor:
    """The sum over an axis, the last one when left out.

    Where a gradient is wanted the general reduction stays: its backward pass is the shorter one.
    """
    if not 1 < values.shape[axis] <= _SHORT or values.requires_grad:
        return values.sum(axis)
    first, *others = values.unbind(axis)
    for other in others:
        first = first + other
    return first
