"""SIGTERM as another Ctrl-C, and an end in time after either."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = "Stopped; type the same command again to go on."
_STOPS = (signal.SIGINT, signal.SIGTERM)
_IMPORTS = "importlib._bootstrap"
"""In the name that frames of an import have for a file."""


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM interrupt like Ctrl-C, so that both stop in the same way.

    An import that begins inside is let end first: an exception in the C++ of one aborts the
    process.
    """
    outside = _imports(sys._getframe())

    def interrupt(number: int, frame: FrameType | None) -> None:
        if _imports(frame) > outside:
            _send_again(number)
        else:
            raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in _STOPS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _imports(frame: FrameType | None) -> int:
    """How many frames of imports lead to one."""
    called = (each.f_code.co_filename for each, _ in traceback.walk_stack(frame))
    return sum(_IMPORTS in name for name in called)


def _send_again(number: int) -> None:
    threading.Timer(0.1, os.kill, (os.getpid(), number)).start()


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
        if heard[0] in _STOPS:
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
            _send_again(signal.SIGTERM)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
