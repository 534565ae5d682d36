"""Using a trained step, as Prefect tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from aitimestepper import jobs


@task(name="simulate", cache_policy=NO_CACHE)
def simulate(model: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Follow one system with one rule; `wanted` are the keywords of `jobs.simulation`."""
    return jobs.simulation(model, **wanted).figures()


@task(name="evaluate", cache_policy=NO_CACHE)
def evaluate(
    model: str, cases: Path | None, periods: float, out: Path | None
) -> list[dict[str, Any]]:
    """Judge a rule beside the oracle and the best classical rules."""
    rows = jobs.evaluation(model, cases=cases, periods=periods, out=out)
    return [row._asdict() for row in rows]
