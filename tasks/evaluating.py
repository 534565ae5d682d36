"""The finished model beside the oracle and the best classical rules, as a Prefect task."""

from __future__ import annotations

import json
from collections.abc import Iterator

import torch
from jaxtyping import Float
from prefect import task
from prefect.cache_policies import CacheKeyFnPolicy
from torch import Tensor

from aitimestepper.build import sampler_of
from aitimestepper.model.timestep import TimeStep
from aitimestepper.physics.state import System
from aitimestepper.simulation.cases import Case, load_cases
from aitimestepper.simulation.evaluate import Row
from aitimestepper.simulation.evaluate import evaluate as judge
from aitimestepper.simulation.held_out import held_out
from aitimestepper.simulation.table import by_case, over_cases

from .caching import finished_key
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
        known = list(_rows(session, _known(session)))
        unseen = list(_rows(session, _unseen(session)))
        report = EvaluationReport(known=by_case(known), unseen=over_cases(unseen))
        _keep(session, [*known, *unseen], report)
    return report


def _rows(session: Session, cases: list[Case]) -> Iterator[Row]:
    if cases:
        step, gate = _in_double(session.training.model), session.training.gate
        periods = session.config.evaluation.periods
        yield from judge(cases, step, gate, label=session.config.name, periods=periods)


def _in_double(model: TimeStep) -> TimeStep:
    """The model as a rule for double precision on the CPU, where cases are judged."""
    like = next(model.parameters())

    @torch.no_grad()
    def step(system: System) -> Float[Tensor, " B"]:
        return model(system.to(like.device, like.dtype)).to(system.time)

    return step


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
