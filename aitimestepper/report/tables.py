"""Rows of an evaluation as the tables of a report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..simulation.evaluate import Row
from .page import Table

_TOLD = ("case", "rule", "threshold", "periods", "scheme", "time")
"""Fields that have a place of their own, or go into other columns."""


def _count(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u2009")


def small(value: Any) -> str:
    """A number in two significant digits, as an error is quoted."""
    if value is None:
        return "\u2013"
    if not math.isfinite(value):
        return "\u221e"
    if value == 0:
        return "0"
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa}\u00b710{str(int(power)).translate(_RAISED)}"


_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

_DASH = "\u2013"
"""What was not measured or means nothing."""


def _ratio(value: float | None, form: str) -> str:
    return _DASH if value is None else format(value, form)


def _over(row: Row) -> float | None:
    return None if row.worst_step_error is None else row.worst_step_error / row.threshold


def _violations(row: Row) -> str:
    if row.violations is None:
        return _DASH
    return f"{_count(row.violations)} of {_count(row.steps)}"


_COLUMNS: dict[str, tuple[str, Callable[[Row], str]]] = {
    "steps": ("steps per period", lambda row: f"{row.steps / row.periods:.1f}"),
    "evaluations": ("force evaluations", lambda row: _count(row.evaluations)),
    "steps_over_oracle": ("steps over oracle", lambda row: _ratio(row.steps_over_oracle, ".2f")),
    "violations": (
        "violations",
        lambda row: _violations(row),
    ),
    "worst_step_error": (
        "worst step / threshold",
        lambda row: _ratio(_over(row), ".3g"),
    ),
    "energy_error_max": ("max \u0394E/E", lambda row: small(row.energy_error_max)),
    "energy_error_final": ("final \u0394E/E", lambda row: small(row.energy_error_final)),
    "wall_seconds": ("wall [s]", lambda row: f"{row.wall_seconds:.3g}"),
}


def table_of(rows: Sequence[Row]) -> Table:
    """One line for each case and rule; lines with violations stand out."""
    new = [name for name in Row._fields if name not in (*_TOLD, *_COLUMNS)]
    extra = [name for name in new if any(getattr(row, name) not in (None, "") for row in rows)]
    known = [(head, cell) for head, cell in _COLUMNS.values()]
    known[-1:-1] = [(name.replace("_", " "), _plain(name)) for name in extra]
    lines, before = [], ""
    ordered = _by_case(rows)
    for row in ordered:
        case, before = ("" if row.case == before else row.case), row.case
        lines.append([case, row.rule, *(cell(row) for _, cell in known)])
    return Table(
        "Results",
        ["case", "rule", *(head for head, _ in known)],
        lines,
        [bool(row.violations) for row in ordered],
        _note(rows),
    )


def _by_case(rows: Sequence[Row]) -> list[Row]:
    """The rules of a case together, in the order given."""
    place = {case: i for i, case in enumerate(dict.fromkeys(row.case for row in rows))}
    return sorted(rows, key=lambda row: place[row.case])


def _plain(name: str) -> Callable[[Row], str]:
    return lambda row: _shown(getattr(row, name))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else small(value)


def _note(rows: Sequence[Row]) -> str:
    thresholds = ", ".join(f"{value:g}" for value in dict.fromkeys(row.threshold for row in rows))
    periods = max(row.periods for row in rows)
    return (
        f"Energy threshold {thresholds} per step; time followed: at most {periods:g} orbital "
        "periods. A violation is a step that the gate refuses; errors are relative. Wall time is "
        "the share of a batch that ran side by side, the rule's own work included."
    )
