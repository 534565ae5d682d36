"""A training as a checkpoint holds it: everything needed to go on, as plain data and tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from aitimestepper.settings import RunConfig
from aitimestepper.training.trainer import Training

from .reports import Phase, PhaseReport


class Saved(NamedTuple):
    """What a checkpoint says besides the tensors."""

    reports: dict[Phase, PhaseReport]
    """Phases of the present epoch that are done; the last one does not know its commit."""
    waiting: dict[int, dict[str, float]]
    """Metrics by epoch that had perhaps not arrived."""
    mlflow_run_id: str | None


NOTHING = Saved({}, {}, None)


def payload(config: RunConfig, training: Training, saved: Saved) -> dict[str, Any]:
    """The checkpoint of a training."""
    state = training.state_dict()
    return {
        "settings": config.model_dump_json(),
        "bodies": int(training.orbits.system.mass.shape[1]),
        "dimensions": int(training.orbits.system.position.shape[2]),
        "features": config.features.kind,
        "energy_threshold": config.energy_threshold,
        "model": state.pop("model"),
        "training": state,
        "reports": {phase: report.model_dump_json() for phase, report in saved.reports.items()},
        "waiting": json.dumps(saved.waiting),
        "mlflow_run_id": saved.mlflow_run_id,
    }


def load(checkpoint: Mapping[str, Any], training: Training) -> Saved:
    """Put a training where the checkpoint stands, and return what else it says."""
    training.load_state_dict({"model": checkpoint["model"], **checkpoint["training"]})
    return saved_in(checkpoint)


def saved_in(checkpoint: Mapping[str, Any]) -> Saved:
    """What a checkpoint says besides the tensors."""
    waiting = {int(epoch): m for epoch, m in json.loads(checkpoint["waiting"]).items()}
    reports = {
        phase: PhaseReport.model_validate_json(text)
        for phase, text in checkpoint["reports"].items()
    }
    return Saved(reports, waiting, checkpoint["mlflow_run_id"])
