"""How every figure looks, and how it is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_P = ParamSpec("_P")
_R = TypeVar("_R")

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that colour-blind readers tell apart (Okabe & Ito 2008), on white."""
INK, QUIET = "#000000", "#5f5f5f"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES = ("-", "--", "-.", ":")
_RC = {
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
}


def styled(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Draw on white in our style, whatever style the user has chosen for figures of their own.

    White is drawn, not left transparent: black on a dark page would be seen by nobody.
    """

    @wraps(draw)
    def within(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        from matplotlib import style

        with style.context(["default", _RC], after_reset=True):
            return draw(*args, **kwargs)

    return within


def looks(rules: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and dashes of every rule; the oracle is black wherever it comes."""
    names = list(dict.fromkeys(rules))
    free = [name for name in names if name != "oracle"]
    found = {name: _look(i) for i, name in enumerate(free)}
    return {n: found.get(n, {"color": INK, "marker": "*", "linestyle": "-"}) for n in names}


def _look(i: int) -> dict[str, Any]:
    return {
        "color": COLOURS[i % len(COLOURS)],
        "marker": MARKERS[i % len(MARKERS)],
        "linestyle": _DASHES[i // len(COLOURS) % len(_DASHES)],
    }


def canvas(width: float, height: float, rows: int = 1, columns: int = 1, **more: Any) -> Any:
    """A figure of some inches, and its axes: alone, or as an array with `rows` x `columns`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **more)


def legend_below(figure: Figure, axes: Axes) -> None:
    """One legend for all panels, under them, where it covers no data."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4))


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write a figure as PNG and as SVG; the same figure gives the same SVG, byte for byte.

    Returns:
        Paths of the PNG and the SVG.
    """
    import matplotlib

    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    with matplotlib.rc_context({"svg.hashsalt": "aitimestepper", "svg.fonttype": "path"}):
        figure.savefig(png, dpi=160, facecolor="white")
        figure.savefig(svg, facecolor="white", metadata={"Date": None})
    return png, svg
