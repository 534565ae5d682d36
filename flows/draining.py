"""What Prefect still has to say, said before its server ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

_PATIENCE = 10.0
_PATIENCE_WHEN_STOPPED = 3.0  # with that for the server, well below the 10 s for all of it


@contextmanager
def draining() -> Iterator[None]:
    """Send the logs and events that wait when the block ends; states of task runs are events."""
    patience = _PATIENCE
    try:
        yield
    except KeyboardInterrupt:
        patience = _PATIENCE_WHEN_STOPPED
        raise
    finally:
        _drain(time.monotonic() + patience)


def _drain(deadline: float) -> None:
    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=max(deadline - time.monotonic(), 0))
