"""Learned adaptive time steps for gravitational N-body simulation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import simulate
    from .bodies import read_bodies
    from .physics.state import System, assemble
    from .sources import Step, load

_HOMES = {
    "Step": "sources",
    "System": "physics.state",
    "assemble": "physics.state",
    "load": "sources",
    "read_bodies": "bodies",
    "simulate": "api",
}
__all__ = ["Step", "System", "assemble", "load", "read_bodies", "simulate"]


def __getattr__(name: str) -> Any:
    """Import on first use: torch takes a second that `--help` need not wait for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
