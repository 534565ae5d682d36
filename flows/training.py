"""Training: an epoch after the other, each from the last commit to the next."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from prefect import flow
from prefect.runtime import deployment, flow_run

from aitimestepper.settings import RunConfig
from tasks.evaluating import evaluate
from tasks.pausing import pausing
from tasks.registering import register
from tasks.reports import EpochReport, TrainingReport
from tasks.resume import going_on
from tasks.session import Session, current, opened
from tasks.training import kept

from .attempts import check_starts
from .heartbeat import without_heartbeat
from .leftovers import mark_leftovers, settle_epochs
from .numbering import number_from
from .pages import link_pages, publish_epoch, publish_figures, publish_result, summary
from .parameters import parameters_of
from .terminal import hear_library


@flow(name="epoch", flow_run_name="{name}/{number:04d}", persist_result=False)
def epoch(name: str, number: int) -> EpochReport:
    """Collect, then generalize.

    Args:
        name: name of the run
        number: which epoch, from 1; it must be the next one
    """
    collected = kept("collect", name, number)(name, number)
    generalized = kept("generalize", name, number)(name, number)
    with current(name) as session:
        session.delivery.deliver()
    report = EpochReport(collect=collected, generalize=generalized)
    publish_epoch(name, report)
    return report


@flow(name="two-phase-training", flow_run_name="{name}", persist_result=False)
@parameters_of(RunConfig)
def two_phase_training(**settings: Any) -> TrainingReport:
    """Train a time stepper in two phases, epoch by epoch; the same name continues a run."""
    hear_library()
    config = going_on(RunConfig(**settings))
    check_starts(config.name)
    with opened(config, {"prefect.flow_run_id": str(flow_run.id)}) as session:
        first = session.place.epoch
        mark_leftovers(config.name, str(flow_run.id))
        settle_epochs(str(flow_run.id), session.place)
        number_from(epoch, first)
        with pausing(config.name, str(flow_run.id), bool(deployment.id)):
            _train(session, first)
        session.finish()
        judged = evaluate.with_options(result_storage=session.folder.results)(config.name)
        version = register.with_options(result_storage=session.folder.results)(config.name)
        publish_result(config.name, summary(session, version, judged))
        publish_figures(config.name, session.folder.report)
    return TrainingReport(
        name=config.name,
        resumed_from=first,
        epochs_run=max(config.epochs + 1 - first, 0),
        dataset=session.store.identity,
        mlflow_run_id=session.run.run_id,
        model_version=version,
        evaluation=judged,
    )


def _train(session: Session, first: int) -> None:
    """The epochs from `first` on; MLflow's page is linked and fed as soon as it is at hand."""
    with ExitStack() as stack:
        stack.enter_context(without_heartbeat())
        linked = False
        for number in range(first, session.config.epochs + 1):
            if session.tracked and not linked:
                link_pages(session)
                stack.enter_context(session.run.system_metrics())
                linked = True
            epoch(session.config.name, number)
    if not linked:
        link_pages(session)
