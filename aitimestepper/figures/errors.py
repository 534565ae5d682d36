"""How the errors of many steps lie around the threshold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .style import INK, canvas, looks, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LOWEST = 1e-3
_PER_DECADE = 12


@styled
def error_histogram(ratios: Mapping[str, np.ndarray], title: str) -> Figure:
    """Share of steps by their error over the threshold; what is right of 1 violates the gate.

    Arguments:
        ratios: Error of every step over the threshold, by rule; errors below 1e-3 thresholds are
            counted in the lowest bin.
        title: What was followed.
    """
    figure, axes = canvas(7, 4.5)
    known = {
        rule: np.clip(ratio[np.isfinite(ratio)], _LOWEST, None) for rule, ratio in ratios.items()
    }
    highest = max([2.0, *(1.1 * ratio.max() for ratio in known.values() if len(ratio))])
    last = np.ceil(_PER_DECADE * np.log10(highest))
    edges = 10 ** (np.arange(_PER_DECADE * np.log10(_LOWEST), last + 1) / _PER_DECADE)
    for rule, look in looks(known).items():
        ratio, given = known[rule], ratios[rule]
        over = int((~(given <= 1)).sum())
        axes.hist(
            ratio,
            edges,
            weights=np.full(len(ratio), 100 / max(len(given), 1)),
            histtype="step",
            linewidth=1.4,
            color=look["color"],
            linestyle=look["linestyle"],
            label=f"{rule}: {over} of {len(given)} above",
        )
    axes.axvline(1.0, color=INK, linestyle=":", label="threshold")
    axes.set(xscale="log", xlabel="energy error of the step / threshold", ylabel="steps [%]")
    axes.set_title(title)
    axes.legend(loc="upper left")
    return figure
