"""From the address of an MLflow model to the checkpoint that was logged with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from .client import connect
from .failures import TrackingError, reported

if TYPE_CHECKING:
    from mlflow import MlflowClient

_VERSION = re.compile(r"models:/(?P<name>[^/@]+)/(?P<version>\d+|latest)")
_ALIAS = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>[^/@]+)")
_LOGGED = re.compile(r"models:/(?P<model_id>m-[0-9a-f]+)")
_RUN = re.compile(r"runs:/(?P<run_id>[^/]+)/(?P<name>[^/]+)")


def fetch_checkpoint(address: str, uri: str, folder: Path | None = None) -> Path:
    """Download the checkpoint of a logged model; nothing of the model is loaded or run.

    Arguments:
        address: `models:/NAME/VERSION`, `models:/NAME/latest`, `models:/NAME@ALIAS`,
            `models:/m-ID` or `runs:/RUN_ID/NAME`.
        uri: Tracking server or embedded store that the address belongs to.
        folder: Where to put the file; without one it stays where it is if it lies on this
            machine, or goes to a temporary folder.

    Raises:
        TrackingError: the address names no model, or the model carries no checkpoint.
        TrackingUnavailable: the server does not answer.
    """
    client = connect(uri)
    with reported(uri):
        files = _download(_location(client, address), uri, folder)
    if len(files) != 1:
        raise TrackingError(
            f"{address} carries {len(files)} checkpoints where one was expected; only models that "
            "`aitimestepper train` registered can be used here."
        )
    return files[0]


def _location(client: MlflowClient, address: str) -> str:
    """Where the files of the model lie.

    `mlflow.artifacts` would look up a `models:/` address at the globally active server.
    """
    if match := _VERSION.fullmatch(address):
        return _of_version(client, **match.groupdict())
    if match := _ALIAS.fullmatch(address):
        found = client.get_model_version_by_alias(**match.groupdict())
        return _of_version(client, found.name, str(found.version))
    if match := _LOGGED.fullmatch(address):
        return client.get_logged_model(**match.groupdict()).artifact_location
    if match := _RUN.fullmatch(address):
        return _of_run(client, **match.groupdict())
    raise TrackingError(
        f"{address!r} is not the address of an MLflow model. Expected models:/NAME/VERSION, "
        "models:/NAME@ALIAS or runs:/RUN_ID/NAME."
    )


def _of_version(client: MlflowClient, name: str, version: str) -> str:
    if version == "latest":
        found = client.search_model_versions(f"name = '{name}'")
        version = str(max((int(each.version) for each in found), default=0))
    return client.get_model_version_download_uri(name, version)


def _of_run(client: MlflowClient, run_id: str, name: str) -> str:
    outputs = client.get_run(run_id).outputs
    models = [
        client.get_logged_model(o.model_id) for o in (outputs.model_outputs if outputs else ())
    ]
    named = [model for model in models if model.name == name]
    if not named:
        raise TrackingError(f"MLflow run {run_id} has no model {name!r}.")
    return max(named, key=lambda model: model.creation_timestamp).artifact_location


def _download(location: str, uri: str, folder: Path | None) -> list[Path]:
    from mlflow.artifacts import download_artifacts

    where = download_artifacts(
        artifact_uri=f"{location}/extra_files",
        dst_path=str(folder) if folder else None,
        tracking_uri=uri,
    )
    return [path for path in Path(where).iterdir() if path.is_file()]
