"""The energy error of a long run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .style import canvas, looks, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class EnergySeries(NamedTuple):
    """How the energy error of one rule grew."""

    rule: str
    orbits: np.ndarray
    """Orbits done, with shape (T,)."""
    error: np.ndarray
    """Largest relative energy error since the entry before, with shape (T,)."""


@styled
def energy_over_orbits(series: Sequence[EnergySeries], title: str) -> Figure:
    """Energy error against time, both logarithmic; a drift and a bounded error look apart."""
    figure, axes = canvas(7, 4.5)
    style = looks(one.rule for one in series)
    for one in series:
        look = {**style[one.rule], "marker": "none"}
        axes.plot(one.orbits, np.where(one.error > 0, one.error, np.nan), label=one.rule, **look)
    axes.set(xscale="log", yscale="log", xlabel="orbits", ylabel="relative energy error |ΔE/E|")
    axes.set_title(title)
    axes.legend()
    return figure
