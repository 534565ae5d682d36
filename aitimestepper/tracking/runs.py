"""Finding the MLflow run that a training continues, or beginning a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .client import connect, experiment_id
from .failures import reported
from .run import TrackedRun
from .wandb_mirror import mirrored

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN, STORE, CHANGED = "aitimestepper.run", "aitimestepper.store", "aitimestepper.changed."

Parameters = Mapping[str, str | int | float]


def open_run(
    uri: str,
    *,
    name: str,
    run_id: str | None,
    parameters: Parameters,
    tags: Mapping[str, str],
) -> TrackedRun:
    """Continue the MLflow run of a training, or begin one, and set it running.

    MLflow never changes a parameter: one that differs from what the run began with keeps its
    first value there, and the tag `aitimestepper.changed.KEY` holds the present one.

    Arguments:
        uri: `sqlite:///FOLDER/mlflow.db`, with the files beside it, or a server's address.
        name: Name of the training run.
        run_id: MLflow run to continue if it is still there; if not, the newest run of this name
            and store is continued.
        parameters: Settings by dotted name.
        tags: Tags of the run; `aitimestepper.store` tells runs of one name apart.

    Raises:
        TrackingUnavailable: the server does not answer.
        TrackingError: the store cannot be opened, or the experiment was deleted.
    """
    client, tags = connect(uri), {"mlflow.source.name": "aitimestepper", RUN: name, **tags}
    with reported(uri):
        experiment = experiment_id(client, uri)
        run = (
            _by_id(client, run_id)
            or _newest(client, experiment, name, tags.get(STORE))
            or client.create_run(experiment, run_name=name, tags=tags)
        )
        info = run.info
        client.update_run(info.run_id, status="RUNNING")
        _describe(client, run, parameters, tags)
    return mirrored(TrackedRun(uri, info.run_id, info.experiment_id, client), name, parameters)


def _by_id(client: MlflowClient, run_id: str | None) -> Run | None:
    from mlflow.exceptions import MlflowException

    if not run_id:
        return None
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return run if run.info.lifecycle_stage == "active" else None


def _newest(client: MlflowClient, experiment: str, name: str, store: str | None) -> Run | None:
    wanted = {RUN: name} | ({STORE: store} if store else {})
    query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in wanted.items())
    found = client.search_runs(
        [experiment], query, max_results=1, order_by=["attributes.start_time DESC"]
    )
    return found[0] if found else None


def _describe(
    client: MlflowClient, run: Run, parameters: Parameters, tags: Mapping[str, str]
) -> None:
    from mlflow.entities import Param, RunTag

    first, now = run.data.params, {key: str(value) for key, value in parameters.items()}
    new = [Param(key, value) for key, value in now.items() if key not in first]
    changed = {CHANGED + key: now[key] for key in now if first.get(key, now[key]) != now[key]}
    client.log_batch(
        run.info.run_id,
        params=new,
        tags=[RunTag(key, str(value)) for key, value in {**tags, **changed}.items()],
    )
    for key in run.data.tags:
        if key.startswith(CHANGED) and key not in changed:
            client.delete_tag(run.info.run_id, key)
