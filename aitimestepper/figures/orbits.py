"""Where the bodies went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .style import COLOURS, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMED = 6


@styled
def orbits(position: np.ndarray, title: str) -> Figure:
    """Paths of all bodies in equal axes, from a ring to a dot; in space seen from two sides.

    Arguments:
        position: Positions [length], with shape (T, N, D) and D = 2 or 3.
        title: What they are.
    """
    views = [(0, 1)] if position.shape[-1] == 2 else [(0, 1), (0, 2)]
    figure, grid = canvas(5 * len(views), 5, 1, len(views), squeeze=False)
    for axes, view in zip(grid[0], views, strict=True):
        _paths(axes, position[..., view], "xyz"[view[0]], "xyz"[view[1]])
    figure.suptitle(title, fontsize=10)
    if position.shape[1] <= _NAMED:
        grid[0][0].legend(title="body", fontsize=8)
    return figure


def _paths(axes: Axes, position: np.ndarray, across: str, up: str) -> None:
    for body in range(position.shape[1]):
        x, y = position[:, body].T
        colour = COLOURS[body % len(COLOURS)]
        axes.plot(x, y, color=colour, linewidth=0.7, alpha=0.8)
        axes.plot(x[0], y[0], "o", color=colour, markersize=6, fillstyle="none")
        axes.plot(x[-1], y[-1], "o", color=colour, markersize=5, label=str(body + 1))
    axes.set_aspect("equal", adjustable="box")
    axes.set(xlabel=f"{across} [length]", ylabel=f"{up} [length]")
