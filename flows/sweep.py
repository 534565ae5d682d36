"""A sweep: many settings or seeds, each a run, the best one promoted; the same name continues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from optuna import Study, Trial
from optuna.trial import TrialState
from prefect import Flow, flow
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict

from aitimestepper.errors import UserError
from aitimestepper.folders import artifacts, tracking_uri
from aitimestepper.settings import RunConfig
from aitimestepper.settings.sweep import SweepConfig
from aitimestepper.store.errors import StoreError
from aitimestepper.store.lock import RunLock
from aitimestepper.tracking import TrackedRun, TrackingError, open_run
from aitimestepper.tracking.promotion import promote
from tasks.session import opened
from tasks.space import settings_of, space_of
from tasks.study import open_study, unfinished
from tasks.trials import TrialReport, run_trial

from .pages import markdown_table, publish_result
from .parameters import parameters_of
from .terminal import hear_library

BEST = "best"
_ELSEWHERE: dict[str, tuple[str, str, Callable[[int], dict[str, Any]]]] = {
    "dask": (
        "prefect_dask",
        "DaskTaskRunner",
        lambda workers: {"cluster_kwargs": {"n_workers": workers, "threads_per_worker": 1}},
    ),
    "ray": ("prefect_ray", "RayTaskRunner", lambda workers: {"init_kwargs": {"num_cpus": workers}}),
}
"""Module, class and arguments of the task runners that an extra brings."""


class SweepReport(BaseModel):
    """How a sweep stands."""

    model_config = ConfigDict(frozen=True)

    name: str
    trials: list[TrialReport]
    """Those of this process."""
    complete: int
    pruned: int
    failed: int
    best: str | None
    """Name of the run with the smallest objective."""
    value: float | None
    settings: dict[str, Any]
    """What the best trial was given."""
    model: str | None
    """Address of its model."""


def task_runner(kind: str, workers: int) -> TaskRunner[Any]:
    """Prefect's task runner for the trials.

    Raises:
        UserError: The extra of the runner is not installed.
    """
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers)
    module, name, options = _ELSEWHERE[kind]
    try:
        runner = getattr(import_module(module), name)
    except ImportError:
        raise UserError(
            f"The runner {kind} is not installed; `pip install aitimestepper[{kind}]` brings it."
        ) from None
    return runner(**options(workers))


def sweep_flow(kind: str, workers: int) -> Flow[..., SweepReport]:
    """The flow `sweep` with its trials on a certain task runner."""
    return sweep.with_options(task_runner=task_runner(kind, workers))


@flow(name="sweep", flow_run_name="sweep {base.name}", persist_result=False)
@parameters_of(SweepConfig)
def sweep(**options: Any) -> SweepReport:
    """Train many settings or seeds, and promote the best model; the same name continues."""
    hear_library()
    plan = SweepConfig(**options)
    space_of(plan.vary, plan.base)  # a mistake in it leaves nothing behind
    with RunLock(artifacts() / "sweeps" / plan.base.name):
        study = open_study(plan)
        parent = _tracked(study, plan)
        done = list(_trials(study, plan, parent))
        report = _summed(study, plan, done)
        publish_result(plan.base.name, _page(study, report))
        parent.set_note(_page(study, report))
        parent.finish()
    return report


def _tracked(study: Study, plan: SweepConfig) -> TrackedRun:
    """The parent of all trials in MLflow."""
    return open_run(
        tracking_uri(),
        name=plan.base.name,
        run_id=None,
        parameters={"objective": plan.objective, **{f"vary.{k}": v for k, v in plan.vary.items()}},
        tags={"aitimestepper.store": study.user_attrs["uuid"]},
    )


def _trials(study: Study, plan: SweepConfig, parent: TrackedRun) -> Iterator[TrialReport]:
    """Run what is missing, so many at once; a place that becomes free gets the next proposal."""
    running: dict[PrefectFuture[TrialReport], Trial] = {}
    for trial in _left(study, plan):
        config = settings_of(trial, plan.base, plan.vary)
        running[run_trial.submit(plan, config, trial._trial_id, parent.run_id)] = trial
        if len(running) >= plan.workers:
            yield _ended(study, running)
    while running:
        yield _ended(study, running)


def _left(study: Study, plan: SweepConfig) -> Iterator[Trial]:
    """Trials that were interrupted, then new ones until there are as many as wanted."""
    space = space_of(plan.vary, plan.base)
    yield from unfinished(study, len(space))
    while len(study.get_trials(deepcopy=False)) < plan.trials:
        yield study.ask(space)


def _ended(study: Study, running: dict[PrefectFuture[TrialReport], Trial]) -> TrialReport:
    """Wait for one trial and tell the study; a trial that cannot train is a result too.

    Raises:
        TrackingError: The server does not answer; the trial goes on with the next call.
        StoreError: The disk is at fault, likewise.
    """
    future = next(iter(as_completed(list(running))))
    trial = running.pop(future)
    try:
        report = future.result()
    except (TrackingError, StoreError):
        raise
    except UserError:
        report = TrialReport(
            number=trial.number, name=f"trial {trial.number}", ending="failed", value=None, epochs=0
        )
    states = {"complete": None, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    study.tell(trial, report.value, state=states[report.ending])
    return report


def _summed(study: Study, plan: SweepConfig, done: list[TrialReport]) -> SweepReport:
    """The figures of all trials, and the best model promoted."""
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    name, complete = plan.base.name, states.count(TrialState.COMPLETE)
    if not complete:
        raise UserError(f'No trial of sweep "{name}" was completed; its runs say why.')
    best = study.best_trial
    config = settings_of(best, plan.base, plan.vary)
    return SweepReport(
        name=name,
        trials=done,
        complete=complete,
        pruned=states.count(TrialState.PRUNED),
        failed=states.count(TrialState.FAIL),
        best=config.name,
        value=best.value,
        settings=best.params or {"seed": config.seed},
        model=_promoted(study, config, name),
    )


def _promoted(study: Study, config: RunConfig, name: str) -> str:
    """Register the best model and point the alias at it, unless that is done already."""
    address = f"models:/{name}@{BEST}"
    if study.user_attrs.get("promoted") != config.name:
        with opened(config) as session:
            version = session.register()
        promote(tracking_uri(), config.name, version, name, BEST)
        study.set_user_attr("promoted", config.name)
    return address


def _page(study: Study, report: SweepReport) -> str:
    """Every trial in a table, the best on top."""
    trials = study.get_trials(deepcopy=False)
    rows: list[dict[str, object]] = [
        {
            "run": f"{report.name}-{trial.number:04d}",
            "state": trial.state.name.lower(),
            "objective": "" if trial.value is None else trial.value,
            "epochs": len(trial.intermediate_values),
            "given": ", ".join(f"{k} {v}" for k, v in trial.params.items()),
        }
        for trial in sorted(trials, key=lambda t: (t.value is None, t.value or 0.0, t.number))
    ]
    return f"# Sweep {report.name}\n\nBest: {report.best}\n\n{markdown_table(rows)}\n"
