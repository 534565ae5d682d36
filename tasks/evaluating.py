"""The finished model beside the oracle and the best classical rules, as a Prefect task."""

from __future__ import annotations

import json
from collections.abc import Iterator

from prefect import task
from prefect.cache_policies import CacheKeyFnPolicy

from aitimestepper.build import sampler_of
from aitimestepper.report.drawings import Judged
from aitimestepper.report.provenance import facts, recorded
from aitimestepper.report.writing import write_report
from aitimestepper.simulation.cases import Case, load_cases
from aitimestepper.simulation.evaluate import Row, announced
from aitimestepper.simulation.evaluate import evaluate as judge
from aitimestepper.simulation.held_out import held_out
from aitimestepper.simulation.table import by_case, over_cases
from aitimestepper.sources import step_of

from .caching import finished_key
from .listeners import tell
from .reports import EvaluationReport
from .retrying import RETRIED
from .session import Session, current


@task(
    name="evaluate",
    task_run_name="evaluate-{name}",
    persist_result=True,
    result_serializer="json",
    cache_policy=CacheKeyFnPolicy(cache_key_fn=finished_key),
    **RETRIED,
)
def evaluate(name: str) -> EvaluationReport:
    """Judge the model of a run on published cases and on systems it was never trained on."""
    with current(name) as session:
        known, unseen = _known(session), _unseen(session)
        rows = list(_rows(session, [*known, *unseen]))
        report = EvaluationReport(
            known=by_case(_of(rows, known)) if known else "",
            unseen=over_cases(_of(rows, unseen)) if unseen else "",
        )
        _keep(session, rows, report)
        _draw(session, rows, known, unseen)
    return report


def _rows(session: Session, cases: list[Case]) -> Iterator[Row]:
    if cases:
        step, gate = step_of(session.training.model), session.training.gate
        wanted, name = session.config.evaluation, session.config.name
        tell(f"evaluating on {len(cases)} systems")
        length = {"periods": wanted.periods, "most": wanted.max_steps}
        rows = judge(cases, step, gate, label=name, **length)
        yield from announced(rows, lambda rule: tell(f"evaluated {rule}"))


def _of(rows: list[Row], cases: list[Case]) -> list[Row]:
    names = {case.name for case in cases}
    return [row for row in rows if row.case in names]


def _known(session: Session) -> list[Case]:
    """The cases that ship with the package, as far as they have the sizes of the run."""
    sizes = session.training.orbits.system.position.shape[1:]
    cases = load_cases().values()
    return [case for case in cases if case.period and case.system.position.shape[1:] == sizes]


def _unseen(session: Session) -> list[Case]:
    config = session.config
    return held_out(sampler_of(config), config.evaluation.held_out, config.seed)


def _keep(session: Session, rows: list[Row], report: EvaluationReport) -> None:
    """The tables in the run's folder and on its MLflow page."""
    table = [row._asdict() for row in rows]
    session.folder.report.mkdir(parents=True, exist_ok=True)
    (session.folder.report / "evaluation.json").write_text(json.dumps(table, indent=1))
    (session.folder.report / "evaluation.md").write_text(report.markdown())
    session.run.log_table(table, "evaluation.json")
    session.run.log_text(report.markdown(), "evaluation.md")


def _draw(session: Session, rows: list[Row], known: list[Case], unseen: list[Case]) -> None:
    """The report and its figures, in the run's folder and on its MLflow page."""
    orbits, name = session.config.evaluation.report_orbits, session.config.name
    if not orbits or not rows:
        return
    tell("drawing the report")
    judged = Judged(
        name,
        step_of(session.training.model),
        session.training.gate,
        [*known, *unseen],
        rows,
        orbits=orbits,
        unseen=unseen,
        recorded=recorded(name),
    )
    command = ["aitimestepper", "train", "--name", name]
    about = facts(name, command, threshold=session.training.gate.threshold)
    for path in write_report(session.folder.report, judged, about):
        session.run.log_file(path, "report")
