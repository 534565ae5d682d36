"""The way into MLflow: quiet, without telemetry, and with an answer or an error within seconds."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import TrackingError, reported

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "aitimestepper"

_ENVIRONMENT = {
    # MLflow reads "true" only; other tools read the 1 of DO_NOT_TRACK
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # standard output belongs to `--json`
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # MLflow's own 7 retries of 120 s would hold a training for minutes when the server is away
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def connect(uri: str) -> MlflowClient:
    """A client of the tracking server or embedded store at `uri`, with no global state set.

    Raises:
        TrackingError: `uri` is an SQLite file that cannot be opened.
    """
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # it prints a traceback for what the caller gets as an exception
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    # it tells of every retry what the caller gets as one exception
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    _probe(uri)
    from mlflow import MlflowClient

    with reported(uri):
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def experiment_id(client: MlflowClient, uri: str) -> str:
    """The experiment of all our runs, made when missing."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        return _create(client, uri)
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"The MLflow experiment {EXPERIMENT!r} was deleted in its web page; bring it back with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`."
        )
    return found.experiment_id


def _create(client: MlflowClient, uri: str) -> str:
    from mlflow.exceptions import MlflowException

    database = _database(uri)
    root = (database.parent / "artifacts").as_uri() if database else None
    try:
        return client.create_experiment(EXPERIMENT, artifact_location=root)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return experiment_id(client, uri)  # another process was quicker


def _database(uri: str) -> Path | None:
    scheme, _, path = uri.partition(":///")
    return Path(path.partition("?")[0]).absolute() if scheme == "sqlite" and path else None


def _probe(uri: str) -> None:
    """Open the SQLite file once: MLflow itself would retry a hopeless one for minutes."""
    database = _database(uri)
    if database is None:
        return
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA user_version")
        connection.close()
    except (OSError, sqlite3.Error) as error:
        raise TrackingError(
            f"{database} cannot be opened as the MLflow store ({error}): make its folder writable, "
            "or move the file away if it is not an SQLite file."
        ) from None
