"""A trained step as a graph that runs without this package: ONNX and torch.export."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import UserError
from .bodies import StepFromBodies
from .learned import learned

if TYPE_CHECKING:
    from ..sources import Step

_ROWS = 3
"""Of the example; the exporter takes a batch of one for a constant."""


def write_pt2(step: Step, path: Path) -> None:
    """Write the step for `torch.export.load(path).module()`.

    Raises:
        UserError: The step cannot be exported.
    """
    module, bodies = _traceable(step)
    with _quiet():
        torch.export.save(torch.export.export(module, (bodies,), dynamic_shapes=_ANY_BATCH), path)


def write_onnx(step: Step, path: Path) -> None:
    """Write the step for ONNX runtimes, in float64, with input `bodies` and output `dt`.

    Raises:
        UserError: The step cannot be exported, its activation is gelu, or the packages for ONNX
            are not installed.
    """
    module, bodies = _traceable(step)
    if any(isinstance(layer, nn.GELU) for layer in module.modules()):
        raise UserError(
            f"{step.source} has the activation gelu, and ONNX runtimes have no erf in float64; "
            "export to .npz or .pt2."
        )
    try:
        from .translations import TRANSLATIONS
    except ImportError:
        raise UserError(
            "ONNX needs packages that are not installed; type `pip install aitimestepper[onnx]`, "
            "or export to .npz or .pt2."
        ) from None
    with _quiet():
        program = torch.onnx.export(
            module,
            (bodies,),
            dynamo=True,
            dynamic_shapes=_ANY_BATCH,
            input_names=["bodies"],
            output_names=["dt"],
            custom_translation_table=TRANSLATIONS,
            verbose=False,
        )
    assert program is not None
    program.save(path)


_ANY_BATCH = ({0: torch.export.Dim("batch")},)


def _traceable(step: Step) -> tuple[StepFromBodies, Tensor]:
    """The module, and bodies to trace it with."""
    model, count, dimensions = learned(step)
    module = StepFromBodies(copy.deepcopy(model).cpu()).eval()
    one = torch.arange(1.0, 1 + count * (1 + 2 * dimensions), dtype=torch.float64)
    bodies = one.view(1, count, -1).sqrt().repeat(_ROWS, 1, 1)
    module(bodies)  # what it caches must be real before the tracer comes by
    return module, bodies


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporters say of things that concern no user of a finished file."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "No complete tensor found in the group")
            warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.")
            yield
    finally:
        log.setLevel(before)
