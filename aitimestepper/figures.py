"""The figure of an evaluation: steps per period against eccentricity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .simulation.evaluate import Row

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
_MARKERS = ("o", "s", "^", "D", "v")


def steps_against_eccentricity(rows: Sequence[Row], eccentricity: Mapping[str, float]) -> Any:
    """Steps per period of every rule on every pair; rings mark runs with a violation.

    Arguments:
        rows: Rows of an evaluation.
        eccentricity: Eccentricity of each case, by name; other cases are left out.

    Returns:
        A matplotlib figure, in colours that colour-blind readers tell apart (Okabe & Ito).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    drawn = [row for row in rows if row.case in eccentricity]
    for i, rule in enumerate(dict.fromkeys(row.rule for row in drawn)):
        points = sorted(
            (eccentricity[row.case], row.steps / row.periods) for row in drawn if row.rule == rule
        )
        style = {"color": _COLOURS[i % 5], "marker": _MARKERS[i % 5], "markersize": 4}
        axes.plot(*zip(*points, strict=True), label=rule, linewidth=0.8, **style)
    failed = [(eccentricity[r.case], r.steps / r.periods) for r in drawn if r.violations]
    if failed:
        ring = {"s": 90, "facecolors": "none", "edgecolors": "#7f7f7f"}
        axes.scatter(*zip(*failed, strict=True), label="with a violation", **ring)
    axes.set_yscale("log")
    axes.set_xlabel("eccentricity")
    axes.set_ylabel("steps per orbital period")
    axes.set_title(f"Two bodies, leapfrog, energy threshold {rows[0].threshold:g} per step")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False)
    return figure
