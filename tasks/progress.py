"""Progress of a phase, in the terminal and on its Prefect page, cheap enough to be always on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from .listeners import tell
from .pausing import obey
from .phases import Progress
from .reports import PhaseProgress
from .throttle import Throttle

_TERMINAL, _FIRST, _EVERY = 0.1, 2.0, 1.0


def artifact_key(*parts: str) -> str:
    """A key as Prefect wants it: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


class ProgressBar:
    """A progress artifact of the running task, made when it is first shown.

    Where the server is away it is given up for the phase, whose work matters more.

    Arguments:
        name: Name of the training.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._id: UUID | None = None
        self._away = False

    def show(self, progress: PhaseProgress) -> None:
        """Show how far the phase is."""
        if self._away:
            return
        try:
            self._put(progress)
        except (httpx.HTTPError, PrefectException):
            self._away = True

    def _put(self, progress: PhaseProgress) -> None:
        percent, text = min(max(progress.percent, 0.0), 100.0), progress.text
        if self._id is None:
            key = artifact_key(self._name, progress.phase)
            made = create_progress_artifact(percent, key, text)
            assert isinstance(made, UUID), "outside of an event loop Prefect answers at once"
            self._id = made
        else:
            update_progress_artifact(self._id, progress=percent, description=text)

    def complete(self) -> None:
        """Fill the bar, if there is one."""
        if self._id is not None and not self._away:
            with suppress(httpx.HTTPError, PrefectException):
                update_progress_artifact(self._id, progress=100.0)


@contextmanager
def watched(name: str) -> Iterator[Progress]:
    """A callback that shows progress; a phase shorter than 2 s never makes an artifact.

    Arguments:
        name: Name of the training, which pauses at a report of progress if its page asks for it.
    """
    obey(name)
    bar, page_is_due = ProgressBar(name), Throttle(_FIRST, _EVERY)
    terminal_is_due = Throttle(0, _TERMINAL)

    def show(progress: PhaseProgress) -> None:
        obey(name)
        if terminal_is_due():
            tell(progress)
        if page_is_due():
            bar.show(progress)

    yield show
    bar.complete()
