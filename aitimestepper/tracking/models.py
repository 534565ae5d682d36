"""A trained module as an MLflow model that runs anywhere without this package."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .export import save_model

if TYPE_CHECKING:
    import numpy as np
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from torch import nn

    from .run import TrackedRun


def log_model(
    run: TrackedRun,
    module: nn.Module,
    example: np.ndarray,
    name: str,
    checkpoint: Path,
    metadata: Mapping[str, object],
    tags: Mapping[str, str],
) -> LoggedModel:
    """Export the module and upload it as an output of the run; see `TrackedRun.log_model`.

    `mlflow.pytorch.log_model` does this through the globally active run and address, which flows
    in threads share.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    client, status = run.client, LoggedModelStatus.FAILED
    logged = client.create_logged_model(run.experiment_id, name, run.run_id, tags=dict(tags))
    try:
        description = Model(
            artifact_path=logged.artifact_location,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
            run_id=run.run_id,
            metadata=dict(metadata),
        )
        with tempfile.TemporaryDirectory() as folder:
            save_model(module, example, Path(folder) / "model", checkpoint, description)
            client.log_model_artifacts(logged.model_id, f"{folder}/model")
        client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])
        status = LoggedModelStatus.READY
    finally:
        client.finalize_logged_model(logged.model_id, status)
    return logged


def register(
    client: MlflowClient,
    model: LoggedModel,
    name: str,
    tags: Mapping[str, str],
    aliases: Sequence[str],
) -> str:
    """Make the logged model the newest version of the registered model `name`."""
    _ensure_registered(client, name)
    made = client.create_model_version(
        name,
        # not models:/ID, which an SQL store looks up at the globally active address
        source=model.artifact_location,
        run_id=model.source_run_id,
        tags=dict(tags),
        model_id=model.model_id,
    )
    number = str(made.version)
    for alias in aliases:
        if alias != "latest":  # MLflow's own word: it refuses to set what it always provides
            client.set_registered_model_alias(name, alias, number)
    link = json.dumps([{"name": name, "version": number}])
    client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": link})
    return number


def _ensure_registered(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
