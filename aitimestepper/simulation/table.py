"""Evaluation rows as tables that a physicist reads."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .evaluate import Row

_HEAD = (
    "rule",
    "steps per period",
    "over oracle",
    "violations",
    "worst step / threshold",
    "max dE/E",
)


def by_case(rows: Sequence[Row]) -> str:
    """One line per case and rule, in Markdown."""
    names = list(dict.fromkeys(row.case for row in rows))
    lines = [
        (name if first else "", *_figures([row]))
        for name in names
        for first, row in _marked([row for row in rows if row.case == name])
    ]
    return _markdown(("case", *_HEAD), lines)


def _marked(rows: Sequence[Row]) -> list[tuple[bool, Row]]:
    return [(i == 0, row) for i, row in enumerate(rows)]


def over_cases(rows: Sequence[Row]) -> str:
    """One line per rule, in Markdown: the median over the cases, and the worst where it counts."""
    rules = list(dict.fromkeys(row.rule for row in rows))
    lines = [_figures([row for row in rows if row.rule == rule]) for rule in rules]
    return _markdown(_HEAD, lines)


def _figures(rows: Sequence[Row]) -> tuple[str, ...]:
    over = [row.steps_over_oracle for row in rows if row.steps_over_oracle is not None]
    ratio = f"{median(over):.2f}" if over else "-"
    worst = [r.worst_step_error / r.threshold for r in rows if r.worst_step_error is not None]
    violations = [row.violations for row in rows if row.violations is not None]
    steps = sum(row.steps for row in rows)
    return (
        rows[0].rule,
        f"{median(row.steps / row.periods for row in rows):.1f}",
        ratio if len(over) < 2 else f"{ratio} (worst {max(over):.2f})",
        f"{sum(violations)} of {steps}" if violations else "-",
        f"{max(worst):.3g}" if worst else "-",
        f"{max(row.energy_error_max for row in rows):.1e}",
    )


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    rule = [("-" * w)[:-1] + ":" if i else "-" * w for i, w in enumerate(widths)]
    padded = [
        [
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        for line in (head, rule, *lines)
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in padded)
