"""The best of several registered models under a name of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .client import connect
from .failures import reported
from .models import register

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion


def promote(uri: str, source: str, version: str, name: str, alias: str) -> str:
    """Make a model version the newest of `name`, point an alias at it, return its number.

    Promoting the same model again changes nothing.

    Arguments:
        uri: Tracking server or embedded store.
        source: Registered model to take from.
        version: Which version of it.
        name: Registered model to put it under, made when missing.
        alias: Word that points at it from now on.

    Raises:
        TrackingUnavailable: The server does not answer.
    """
    client = connect(uri)
    with reported(uri):
        found = client.get_model_version(source, version)
        model = _logged(client, found)
        for made in client.search_model_versions(f"name = '{name}'"):
            if made.source == found.source:
                client.set_registered_model_alias(name, alias, str(made.version))
                return str(made.version)
        return register(client, model, name, dict(found.tags), [alias])


def _logged(client: MlflowClient, version: ModelVersion) -> LoggedModel:
    """The model behind a version, whose own `model_id` an SQL store does not give back."""
    outputs = client.get_run(str(version.run_id)).outputs
    models = [
        client.get_logged_model(o.model_id) for o in (outputs.model_outputs if outputs else ())
    ]
    return next(model for model in models if model.artifact_location == version.source)
