"""What Prefect may say in the terminal, and what of the library its pages hear."""

from __future__ import annotations

import logging
import os

from prefect.logging.handlers import PrefectConsoleHandler

_REPEATS = ("prefect.flow_runs", "prefect.task_runs", "prefect.flows")


def _is_news(record: logging.LogRecord) -> bool:
    """Whether the record says more than the error that reaches the caller anyway."""
    return not (record.levelno >= logging.ERROR and record.name.startswith(_REPEATS))


def hear_library() -> None:
    """Let what the library logs reach the pages of its flow and task runs."""
    logging.getLogger("aitimestepper").setLevel(os.environ.get("PREFECT_LOGGING_LEVEL", "INFO"))


def quiet_console() -> None:
    """Show warnings alone in the terminal, without the traceback of an error that is raised."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.setLevel(logging.WARNING)
            handler.addFilter(_is_news)
