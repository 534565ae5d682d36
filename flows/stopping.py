"""SIGTERM as another Ctrl-C, and an end in time after either."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = "Stopped; type the same command again to go on."


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM interrupt like Ctrl-C, so that both stop in the same way."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ends_within(seconds: float = 7.0) -> Iterator[None]:
    """Let this process end so long after Ctrl-C or SIGTERM at the latest, with exit code 130.

    For commands alone, since it ends the process even after the block: a library may wait at its
    exit as well. What is cut off then is what Prefect's page would still have heard, as after
    kill -9; the last commit stands.

    Arguments:
        seconds: How long regular endings may take [seconds].
    """
    inside, (reader, writer) = [True], os.pipe()
    os.set_blocking(writer, False)
    threading.Thread(target=_watch, args=(reader, seconds, inside), daemon=True).start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        with stopped_by_sigterm(), _interrupts_repeated():
            yield
    finally:
        inside.clear()
        signal.set_wakeup_fd(before)
        os.close(writer)


def _watch(reader: int, seconds: float, inside: list[bool]) -> None:
    """Wait for a signal, whose handler may be Prefect's, and then for the end of all patience."""
    while heard := os.read(reader, 1):
        if heard[0] in (signal.SIGINT, signal.SIGTERM):
            time.sleep(seconds)
            if inside:  # nobody has said it yet
                sys.stderr.write(f"{INTERRUPTED}\n")
                sys.stderr.flush()
            os._exit(130)
    os.close(reader)


@contextmanager
def _interrupts_repeated() -> Iterator[None]:
    """Send a signal again whose exception was lost.

    A handler that runs while garbage is collected raises inside of some finalizer, where Python
    ignores every exception, and the training would go on.
    """
    before = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if issubclass(lost.exc_type, Exception):
            before(lost)
        else:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
