"""Steps per period against eccentricity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..simulation.evaluate import Row
from .style import QUIET, canvas, looks, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def steps_against_eccentricity(rows: Sequence[Row], eccentricity: Mapping[str, float]) -> Figure:
    """Steps per period of every rule on every pair; rings mark runs with a violation.

    Arguments:
        rows: Rows of an evaluation.
        eccentricity: Eccentricity of each case, by name; other cases are left out.
    """
    figure, axes = canvas(7, 4.5)
    drawn = [row for row in rows if row.case in eccentricity]
    for rule, look in looks(row.rule for row in drawn).items():
        points = sorted(
            (eccentricity[row.case], row.steps / row.periods) for row in drawn if row.rule == rule
        )
        axes.plot(*zip(*points, strict=True), label=rule, **{**look, "linewidth": 0.8})
    failed = [(eccentricity[r.case], r.steps / r.periods) for r in drawn if r.violations]
    if failed:
        ring = {"s": 90, "facecolors": "none", "edgecolors": QUIET}
        axes.scatter(*zip(*failed, strict=True), label="with a violation", **ring)
    axes.set(yscale="log", xlabel="eccentricity", ylabel="steps per orbital period")
    axes.set_title(f"Two bodies, energy threshold {rows[0].threshold:g} per step")
    axes.legend()
    return figure
