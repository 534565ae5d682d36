"""A module on disk in MLflow's format: an exported graph and its checkpoint, no pickle."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature
    from torch import Tensor, nn


def save_model(
    module: nn.Module, example: np.ndarray, folder: Path, checkpoint: Path, description: Model
) -> None:
    """Write the module to `folder`, completing its `description`.

    Raises:
        ValueError: the example is not an array of bodies, or the exported graph does not give
            what the module gives for any number of systems.
    """
    from mlflow.pytorch import save_model as write

    if example.ndim != 3 or example.dtype != np.float64:
        raise ValueError(
            f"The example must be float64 bodies with shape (B, N, 1 + 2 D), got {example.dtype} "
            f"with shape {example.shape}."
        )
    module = copy.deepcopy(module).cpu().eval()
    rows = max(len(example), 2)  # the exporter takes a batch of one for a constant
    example = np.resize(example, (rows, *example.shape[1:]))
    _run(module, example)  # whatever the module caches must be real before the tracer comes by
    with warnings.catch_warnings():
        # torch says so of every group of weights that share no storage, and ours share none
        warnings.filterwarnings("ignore", "No complete tensor found in the group")
        write(
            module,
            folder,
            mlflow_model=description,
            signature=_signature(example),
            input_example=example,
            serialization_format="pt2",
            pip_requirements=requirements(),
            extra_files=[str(checkpoint)],
        )
    # Exported weights stay on the processor; MLflow would look for them on any GPU that it sees
    description.flavors["python_function"]["config"] = {"device": "cpu"}
    description.save(str(folder / "MLmodel"))
    _verify(folder / "data" / "model.pt2", module, example)


def requirements() -> list[str]:
    """What the model needs to run, at the versions installed here.

    Said outright because MLflow would otherwise load the model in a second process to find out.
    """
    return [f"{name}=={version(name).partition('+')[0]}" for name in ("mlflow", "torch", "numpy")]


def _signature(example: np.ndarray) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    kind = np.dtype("f8")
    # without a name: a named input reaches the PyTorch flavour as a dict, which it refuses
    bodies, dt = TensorSpec(kind, (-1, *example.shape[1:])), TensorSpec(kind, (-1,))
    return ModelSignature(Schema([bodies]), Schema([dt]))


def _run(module: Callable[[Tensor], Tensor], bodies: np.ndarray) -> Tensor:
    """The module's dt of the bodies, proven to have the promised shape and precision."""
    import torch

    with torch.no_grad():
        dt = module(torch.from_numpy(bodies))
    if dt.shape != bodies.shape[:1] or dt.dtype != torch.float64:
        raise ValueError(
            f"A model must give float64 dt with shape ({len(bodies)},), got {dt.dtype} with shape "
            f"{tuple(dt.shape)}."
        )
    return dt


def _verify(file: Path, module: nn.Module, example: np.ndarray) -> None:
    """Export fixes a size without a word where the module's code depends on it; look."""
    import torch

    exported = torch.export.load(file).module()
    for rows in (1, len(example) + 1):
        bodies = np.resize(example, (rows, *example.shape[1:]))
        try:
            torch.testing.assert_close(_run(exported, bodies), _run(module, bodies))
        except (AssertionError, RuntimeError) as error:
            raise ValueError(
                f"The exported model does not do what the module does for {rows} systems: it must "
                "be a function of the tensor alone, without branches on its size or values."
            ) from error
