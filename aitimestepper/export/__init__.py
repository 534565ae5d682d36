"""The learned step outside this package: plain NumPy, ONNX, torch.export."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .files import export
    from .numpy_step import NumpyStep
    from .of_model import to_numpy

_HOMES = {"NumpyStep": "numpy_step", "export": "files", "to_numpy": "of_model"}
__all__ = ["NumpyStep", "export", "to_numpy"]


def __getattr__(name: str) -> Any:
    """Import on first use: `NumpyStep` must not wait for torch, and needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
