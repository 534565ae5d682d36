"""The trajectory store as MLflow shows it: an input of the run, with its digest and schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_DIGEST_LIMIT = 36


def dataset_input(
    identity: str, path: Path | str, *, rows: int, orbits: int, bodies: int, dimensions: int
) -> DatasetInput:
    """An MLflow data set input; arguments as in `TrackedRun.log_dataset`.

    The digest is the beginning of the sha256 in `identity`, as much of it as MLflow holds; the
    beginning of the whole identity would be the same for every commit of a store.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    size = {"rows": rows, "orbits": orbits, "bodies": bodies, "dimensions": dimensions}
    dataset = Dataset(
        name=Path(path).name,
        digest=identity.rpartition(":")[2][:_DIGEST_LIMIT],
        source_type="local",
        source=json.dumps({"uri": Path(path).absolute().as_uri()}),
        schema=_schema(orbits, bodies, dimensions),
        profile=json.dumps(size | {"identity": identity}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _schema(orbits: int, bodies: int, dimensions: int) -> str:
    from mlflow.data.schema import TensorDatasetSchema
    from mlflow.types import Schema, TensorSpec

    def tensors(**shapes: tuple[int, ...]) -> Schema:
        return Schema([TensorSpec(np.dtype("f8"), shape, key) for key, shape in shapes.items()])

    phase = (-1, orbits, bodies, dimensions)
    features = tensors(mass=(orbits, bodies), position=phase, velocity=phase)
    targets = tensors(dt=(-1, orbits), energy_error=(-1, orbits))
    return json.dumps(TensorDatasetSchema(features, targets).to_dict())
