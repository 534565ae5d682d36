"""What the Prefect pages show of a run besides its states."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.utilities.urls import url_for

from aitimestepper.tracking import TrackingError
from tasks.progress import artifact_key
from tasks.reports import EpochReport, EvaluationReport
from tasks.session import Session


def link_pages(session: Session) -> None:
    """Links between the pages of this flow run and those of its MLflow run, where there are any."""
    name, run = session.config.name, session.run
    if run.uri.startswith("http"):
        key = artifact_key(name, "mlflow")
        create_link_artifact(run.page(run.uri), f"{name} in MLflow", key, "Charts, files and model")
    page = url_for("flow-run", obj_id=flow_run.id)
    if get_current_settings().server.ui.enabled and page:
        with suppress(TrackingError):  # the training goes on while MLflow is away
            run.set_note(f"Flow run [{name} in Prefect]({page})")


def publish_epoch(name: str, report: EpochReport) -> None:
    """The numbers of an epoch as a table, one column a phase."""
    phases = (report.collect, report.generalize)
    keys = dict.fromkeys(key for phase in phases for key in phase.numbers)
    table = [{"": "seconds", **{p.phase: f"{p.seconds:.3g}" for p in phases}}]
    table += [
        {"": key, **{p.phase: f"{p.numbers[key]:.4g}" for p in phases if key in p.numbers}}
        for key in keys
    ]
    number = report.collect.epoch
    create_table_artifact(
        table, artifact_key(name, "epoch"), f"Epoch {number}, {report.collect.rows} steps recorded"
    )


def markdown_table(rows: Sequence[dict[str, object]]) -> str:
    """Rows with the same columns, in Markdown."""
    if not rows:
        return ""
    lines = [[str(key) for key in rows[0]], ["---"] * len(rows[0])]
    lines += [[_cell(value) for value in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def summary(session: Session, version: str, judged: EvaluationReport) -> str:
    """Where a finished run stands, in Markdown."""
    commit, phases = session.store.last, session.reports
    rows: list[dict[str, object]] = [
        {"number": f"{phase} {key}", "last epoch": value}
        for phase, report in phases.items()
        for key, value in report.numbers.items()
    ]
    return (
        f"# Run {session.config.name}\n\n"
        f"{commit.epoch} epochs, {commit.rows} steps of {session.config.orbits} orbits "
        "recorded.\n\n"
        f"- Model version: {version}\n"
        f"- MLflow run: `{session.run.run_id}`\n"
        f"- Data set: `{session.store.identity}`\n\n"
        f"{judged.markdown()}\n## Last epoch\n\n{markdown_table(rows)}\n"
    )


def publish_result(name: str, text: str) -> None:
    """The result of a run, in Markdown."""
    create_markdown_artifact(text, artifact_key(name, "result"), f"Result of run {name}")


def publish_figures(name: str, folder: Path) -> None:
    """The figures of a report, as images that need no other server."""
    for path in sorted(folder.glob("*.png")):
        image = base64.b64encode(path.read_bytes()).decode()
        create_image_artifact(
            f"data:image/png;base64,{image}",
            artifact_key(name, path.stem),
            f"{path.stem} of run {name}",
        )
