"""Subflows that keep their number when their parent is retried."""

from __future__ import annotations

from typing import Any

from prefect import Flow, Task
from prefect.context import FlowRunContext


def number_from(flow: Flow[..., Any], first: int) -> None:
    """Let the next call of a subflow count as its `first`, from 1, in the running flow.

    Prefect finds the subflow run that a crashed parent left behind by counting calls. A parent
    that goes on where its store stands does not repeat the calls before, so the count would
    lead it to the run of another epoch.
    """
    context = FlowRunContext.get()
    if context is not None and first > 1:
        key = Task(fn=flow.fn, name=flow.name, version=flow.version).task_key
        context.task_run_dynamic_keys[key] = first - 2
