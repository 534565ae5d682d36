"""Using a trained step: simulate a system, evaluate a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field, FiniteFloat, PositiveInt

from tasks import using

from .pages import markdown_table, publish_figures, publish_result
from .terminal import hear_library

Positive = Annotated[FiniteFloat, Field(gt=0)]


@flow(name="simulate", flow_run_name="simulate {model}", persist_result=False)
def simulate(
    model: str,
    case: str | None = None,
    ic: Path | None = None,
    periods: Positive | None = None,
    duration: Positive | None = None,
    steps: PositiveInt | None = None,
    systems: PositiveInt = 1,
    scale: Positive = 1.0,
    scheme: Literal["plain", "symmetric", "reversible"] = "plain",
    iterations: PositiveInt | None = None,
    guard: bool = False,
    out: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> dict[str, Any]:
    """Follow systems with one time step rule.

    Args:
        model: a run's name, a checkpoint, models:/NAME/VERSION, or fixed:DT, freefall:ETA,
            aarseth:ETA, oracle:THRESHOLD
        case: a published case, such as kepler-e0.9; give this or ic
        ic: file with one body a row: mass, position, velocity
        periods: orbital periods to go; give one of this, duration and steps
        duration: time to go
        steps: steps to take
        systems: members of a family of cases to follow side by side
        scale: factor on all steps that the model asks for
        scheme: plain, symmetric or reversible
        iterations: of the symmetric scheme; 1 when left out
        guard: try every step that fails the gate again, shorter
        out: Zarr file to write every step to
        overwrite: replace an earlier out
        resume: go on with the interrupted out
    """
    hear_library()
    wanted = {
        "case": case,
        "ic": ic,
        "periods": periods,
        "duration": duration,
        "steps": steps,
        "systems": systems,
        "scale": scale,
        "scheme": scheme,
        "iterations": iterations,
        "guard": guard,
        "out": out,
        "overwrite": overwrite,
        "resume": resume,
    }
    figures = using.simulate(model, wanted)
    table = markdown_table([{"figure": key, "value": value} for key, value in figures.items()])
    publish_result("simulate", table)
    return figures


@flow(name="evaluate", flow_run_name="evaluate {model}", persist_result=False)
def evaluate(
    model: str, cases: Path | None = None, periods: Positive = 3.0, out: Path | None = None
) -> list[dict[str, Any]]:
    """Judge a time step beside the oracle and the best classical rules.

    Args:
        model: a run's name, a checkpoint, models:/NAME/VERSION, or a classical rule
        cases: case file; the published cases by default
        periods: periods to follow each case
        out: folder for report.html, its figures, evaluation.json and evaluation.md
    """
    hear_library()
    rows = using.evaluate(model, cases, periods, out)
    publish_result("evaluate", markdown_table(rows))
    if out is not None:
        publish_figures("evaluate", out)
    return rows
