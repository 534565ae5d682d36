"""What MLflow is told of a run: its settings, and one row of numbers for every epoch."""

from __future__ import annotations

from collections.abc import Mapping

from aitimestepper.settings import RunConfig

from .reports import Phase, PhaseReport
from .resume import flat


def parameters(config: RunConfig) -> dict[str, str | int | float]:
    """Settings by dotted name."""
    settings = flat(config.model_dump(mode="json"))
    return {
        key: value if isinstance(value, int | float) else str(value)
        for key, value in settings.items()
    }


def metrics(reports: Mapping[Phase, PhaseReport]) -> dict[str, float]:
    """One flat row of numbers for the charts, from the phases of an epoch."""
    numbers = {
        f"{phase}/{key}": value
        for phase, report in reports.items()
        for key, value in {**report.numbers, "seconds": report.seconds}.items()
    }
    return {**numbers, "rows": max(report.rows for report in reports.values())}
