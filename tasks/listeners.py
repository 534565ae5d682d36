"""Whoever wants to follow a training in this process, such as a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .reports import PhaseProgress, PhaseReport

Event = PhaseProgress | PhaseReport | str
"""What a phase has to say, or words about what comes after the last epoch."""
Listener = Callable[[Event], None]

_LISTENERS: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell `listener` every event of the phases that run during the block."""
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def tell(event: Event) -> None:
    """Tell every listener."""
    for listener in _LISTENERS:
        listener(event)
