"""The steps of one orbit, through its pericentre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .style import QUIET, canvas, legend_below, looks, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Trace(NamedTuple):
    """The steps that one rule took."""

    rule: str
    time: np.ndarray
    """Before each step, from pericentre on [period], with shape (T,)."""
    dt: np.ndarray
    """Length of each step [period], with shape (T,)."""
    error: np.ndarray
    """Relative energy error of each step, probes included, with shape (T,)."""


@styled
def along_orbit(traces: Sequence[Trace], threshold: float, title: str) -> Figure:
    """Length and error of every step over time, with the threshold that the gate sets."""
    figure, (lengths, errors) = canvas(7, 6, 2, sharex=True)
    style = looks(trace.rule for trace in traces)
    for trace in traces:
        look = {**style[trace.rule], "markersize": 2.5, "linewidth": 0.8}
        lengths.plot(trace.time, trace.dt, label=trace.rule, **look)
        errors.plot(trace.time, trace.error, label=trace.rule, **look)
    errors.axhline(threshold, color=QUIET, linestyle=":", label=f"threshold {threshold:g}")
    lengths.set(yscale="log", ylabel="dt [orbital period]", title=title)
    errors.set(yscale="log", ylabel="energy error of the step")
    errors.set_xlabel("time from pericentre [orbital period]; linear inside 0.001")
    errors.set_xscale("symlog", linthresh=1e-3, linscale=0.5)
    errors.set_xticks([-1e-1, -1e-2, -1e-3, 0, 1e-3, 1e-2, 1e-1])
    errors.set_ylim(bottom=1e-3 * threshold)
    legend_below(figure, errors)
    return figure
