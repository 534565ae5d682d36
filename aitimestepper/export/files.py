"""A trained step as one file: .npz for NumPy, .onnx for ONNX runtimes, .pt2 for PyTorch."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from ..sources import Step


def export(step: Step, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write a trained step to a file; the ending of its name says in which form.

    Arguments:
        step: What `aitimestepper.load` gives for a trained model.
        path: FILE.npz is read by `NumpyStep.load`. FILE.onnx and FILE.pt2 go from `bodies`,
            float64 with shape (B, N, 1 + 2 D) of mass, position and velocity, to `dt`, float64
            with shape (B,), for any B.
        overwrite: Replace an earlier file.

    Returns:
        The path.

    Raises:
        UserError: The ending is none of the three, the file exists or cannot be written, the step
            is no trained model or looks at the past, or a package for ONNX is not installed.
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise UserError(f"{path} should end in one of {', '.join(_WRITERS)}; give another --out.")
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists; give another --out or add --overwrite.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, step)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); give another --out."
        ) from None
    return path


def _replace(path: Path, step: Step) -> None:
    """Write beside the file, then rename: what was there stays whole until then."""
    beside = path.with_name(f".{path.name}.part{path.suffix}")
    try:
        _WRITERS[path.suffix](step, beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _npz(step: Step, path: Path) -> None:
    from .of_model import to_numpy

    to_numpy(step).save(path)


def _onnx(step: Step, path: Path) -> None:
    from .graphs import write_onnx

    write_onnx(step, path)


def _pt2(step: Step, path: Path) -> None:
    from .graphs import write_pt2

    write_pt2(step, path)


_WRITERS: dict[str, Callable[[Step, Path], None]] = {".npz": _npz, ".onnx": _onnx, ".pt2": _pt2}
