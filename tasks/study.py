"""The memory of a sweep: an Optuna study in its folder, which a later process goes on with."""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any
from uuid import uuid4

from optuna import Study, Trial, create_study
from optuna.logging import set_verbosity
from optuna.pruners import MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from aitimestepper.errors import UserError
from aitimestepper.folders import artifacts
from aitimestepper.settings.sweep import SweepConfig

from .resume import falsifying


class SweepChanged(UserError):
    """Going on with another base, space or objective would compare what cannot be compared."""


def said(plan: SweepConfig) -> str:
    """What a sweep may not change once it began: all but how many trials there are, and where."""
    base = falsifying(plan.base.model_dump(mode="json"))
    fixed = {"epochs": plan.base.epochs, "evaluation": plan.base.evaluation.model_dump(mode="json")}
    told = plan.model_dump(exclude={"base", "trials", "runner", "workers"})
    return json.dumps(told | {"base": base | fixed}, sort_keys=True)


def storage(name: str) -> RDBStorage:
    """The database of a sweep, `artifacts/sweeps/NAME/study.db`."""
    folder = artifacts() / "sweeps" / name
    folder.mkdir(parents=True, exist_ok=True)
    # threads wait for each other's writes instead of failing
    engine: dict[str, Any] = {"connect_args": {"timeout": 60}}
    return RDBStorage(f"sqlite:///{folder}/study.db", engine_kwargs=engine)


def open_study(plan: SweepConfig) -> Study:
    """The study of a sweep, made when missing.

    Raises:
        SweepChanged: It began with another plan.
    """
    set_verbosity(logging.WARNING)
    study = create_study(
        storage=storage(plan.base.name),
        study_name=plan.base.name,
        sampler=TPESampler(seed=plan.base.seed, constant_liar=True),
        pruner=MedianPruner(n_startup_trials=4) if plan.pruner == "median" else NopPruner(),
        load_if_exists=True,
    )
    begun, wanted = study.user_attrs, said(plan)
    if begun.get("plan", wanted) != wanted:
        raise SweepChanged(
            f'sweep "{plan.base.name}" began with other settings, ranges or another objective; '
            "set them back, or give another --name"
        )
    if "plan" not in begun:
        study.set_user_attr("uuid", str(uuid4()))
        study.set_user_attr("plan", wanted)
    return study


def unfinished(study: Study, varied: int) -> list[Trial]:
    """Trials that a killed process left behind; each goes on under its number.

    Arguments:
        study: What the process worked at.
        varied: Settings that a proposal consists of; one that was cut off counts as failed.
    """
    left = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for frozen in left:
        if len(frozen.params) < varied:
            study.tell(frozen.number, state=TrialState.FAIL)
    whole = [frozen for frozen in left if len(frozen.params) == varied]
    return [Trial(study, frozen._trial_id) for frozen in whole]


def report(trial: Trial, value: float, epoch: int) -> None:
    """Tell the pruner how an epoch went; an epoch told before a crash is told once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is already reported")
        trial.report(value, epoch)
