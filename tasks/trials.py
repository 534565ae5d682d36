"""One trial of a sweep: a normal run, cut short when hopeless, judged by one number."""

from __future__ import annotations

import json
import math
from statistics import median
from typing import Any, Literal

from optuna import Trial
from prefect import task
from prefect.cache_policies import NO_CACHE

from aitimestepper.errors import UserError
from aitimestepper.settings import RunConfig
from aitimestepper.settings.sweep import SweepConfig

from .evaluating import evaluate
from .reports import Report
from .retrying import RETRIED
from .session import Session, opened
from .study import open_study, report

Ending = Literal["complete", "pruned", "failed"]
OBJECTIVES = {
    "steps_over_oracle": "steps_over_oracle",
    "evaluations": "evaluations",
    "energy_error": "energy_error_max",
}
"""Column of the evaluation whose median is made small, by the name of the objective."""


class TrialReport(Report):
    """How a trial ended."""

    number: int
    name: str
    ending: Ending
    value: float | None
    """What the sweep makes small; None where the trial was not completed."""
    epochs: int


@task(name="trial", task_run_name="{config.name}", cache_policy=NO_CACHE, **RETRIED)
def run_trial(plan: SweepConfig, config: RunConfig, trial_id: int, parent: str) -> TrialReport:
    """Train and judge one setting; what was trained before a crash is not trained again.

    Arguments:
        plan: What is swept.
        config: Settings of this trial.
        trial_id: Optuna's key of the trial, in the study of the sweep.
        parent: MLflow run of the sweep.
    """
    trial = Trial(open_study(plan), trial_id)
    tags = {"mlflow.parentRunId": parent, "aitimestepper.sweep": plan.base.name}
    with opened(config, tags) as session:
        pruned = _trained(session, trial)
        session.finish()
        session.run.set_tag("aitimestepper.trial", "pruned" if pruned else "complete")
        value = None if pruned else _judged(session, plan)
        if value is not None:
            session.run.log_epoch(config.epochs, {"objective": value})
    return TrialReport(
        number=trial.number,
        name=config.name,
        ending="pruned" if pruned else "complete",
        value=value,
        epochs=session.place.epoch - 1,
    )


def _trained(session: Session, trial: Trial) -> bool:
    """Train to the last epoch, or until the pruner finds the trial hopeless."""
    for number in range(session.place.epoch, session.config.epochs + 1):
        session.collect(number)
        session.generalize(number)
        report(trial, _promise(session), number)
        if number < session.config.epochs and trial.should_prune():
            return True
    return False


def _promise(session: Session) -> float:
    """What an epoch promises, the smaller the better: steps per free-fall time, and failures.

    The objective itself takes an evaluation, which costs more than an epoch.
    """
    numbers = session.reports["generalize"].numbers
    failing = 1 - numbers["passing"]
    return 1 / max(numbers["eta"], 1e-12) * (1 + 10 * failing)


def _judged(session: Session, plan: SweepConfig) -> float:
    evaluate.fn(session.config.name)
    rows = json.loads((session.folder.report / "evaluation.json").read_text())
    return objective(rows, session.config.name, plan)


def objective(rows: list[dict[str, Any]], rule: str, plan: SweepConfig) -> float:
    """Median over the held-out systems, and a penalty for steps that the gate would refuse.

    Arguments:
        rows: Evaluation, one row for each case and rule.
        rule: Name of the judged rule in the rows.
        plan: Which column counts, and how much a violation.

    Raises:
        UserError: No system was judged.
    """
    ours = [row for row in rows if row["rule"] == rule]
    unseen = [row for row in ours if row["case"].startswith("held-out")] or ours
    if not unseen:
        raise UserError("A sweep needs systems to judge by; set evaluation.held_out above 0.")
    column = OBJECTIVES[plan.objective]
    value = median(float(row[column]) for row in unseen)
    steps = sum(row["steps"] for row in unseen)
    share = sum(row["violations"] for row in unseen) / max(steps, 1)
    total = value * (1 + plan.penalty * share)
    return total if math.isfinite(total) else math.inf
