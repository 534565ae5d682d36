"""What a run cost against how precise it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..simulation.evaluate import Row
from .style import canvas, legend_below, looks, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WORK = {
    "evaluations": "force evaluations per period",
    "wall_seconds": "wall time per period [s]",
}


@styled
def work_precision(rows: Sequence[Row]) -> Figure:
    """Evaluations, and beside them wall time, against the largest energy error; a row a case.

    Rows of one rule and case with several lengths of step are joined by a line. Runs that blew up
    have no place on the axes and are left out.

    Arguments:
        rows: Rows of an evaluation.
    """
    sound = [row for row in rows if math.isfinite(row.energy_error_max) and row.energy_error_max]
    cases = list(dict.fromkeys(row.case for row in sound))
    figure, grid = canvas(
        8, 0.7 + 2.3 * max(len(cases), 1), max(len(cases), 1), 2, squeeze=False, sharex="row"
    )
    style = looks(row.rule for row in sound)
    for panels, case in zip(grid, cases, strict=False):
        for axes, (figure_of, label) in zip(panels, _WORK.items(), strict=True):
            _panel(axes, [row for row in sound if row.case == case], figure_of, style)
            axes.set_title(case, loc="left", fontsize=9)
            axes.set_ylabel(label)
    for axes in grid[-1]:
        axes.set_xlabel("largest relative energy error")
    legend_below(figure, _fullest(grid))
    return figure


def _panel(axes: Axes, rows: list[Row], work: str, style: dict[str, dict[str, Any]]) -> None:
    for rule, look in style.items():
        points = sorted(
            (row.energy_error_max, getattr(row, work) / row.periods)
            for row in rows
            if row.rule == rule
        )
        if points:
            axes.plot(*zip(*points, strict=True), label=rule, **look)
    axes.set(xscale="log", yscale="log", xlim=_decades([row.energy_error_max for row in rows]))
    axes.xaxis.set_minor_formatter("")
    axes.margins(y=0.15)


def _decades(errors: list[float]) -> tuple[float, float]:
    """Whole decades around some errors; so an axis never has labels that run together."""
    low, high = math.floor(math.log10(min(errors))), math.ceil(math.log10(max(errors)))
    return 10 ** (low - 0.05), 10 ** (max(high, low + 1) + 0.05)


def _fullest(grid: Any) -> Axes:
    """The panel with most rules; a rule that blew up somewhere is missing there."""
    return max(grid.flat, key=lambda axes: len(axes.get_legend_handles_labels()[0]))
