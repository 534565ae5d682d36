"""Heartbeats only where a crash must be noticed: on the parent of many short flows."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings


def without_heartbeat() -> AbstractContextManager[Any]:
    """No heartbeat of flows that begin inside: joining its thread costs a second for each."""
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
