"""What Prefect still has to say, said before its server ends."""

from __future__ import annotations

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker


def drain() -> None:
    """Send the logs and events that wait in this process; the states of task runs are events."""
    APILogWorker.drain_all(timeout=5)
    EventsWorker.drain_all(timeout=5)
