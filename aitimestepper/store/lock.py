"""One writer per run, by a lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from .errors import StoreLocked, not_written

_TRIES, _PAUSE = 3, 0.05  # outlasts the instant in which `holder` looks


class Holder(NamedTuple):
    """Who trains a run at this moment, as far as it has said."""

    host: str
    pid: int | str
    since: str


class RunLock:
    """Exclusive right to write the run in `folder`, for as long as a `with` block lasts.

    Also refuses a second lock within one process. The file stays behind; what counts is the
    kernel's lock on it.

    Arguments:
        folder: Folder of the run, named like the run; made when missing.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            StoreLocked: Someone else has it; the text says who.
            StoreError: The folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = _locked(self.folder / ".lock")
        except BlockingIOError:
            raise self._refusal() from None
        except OSError as error:
            raise not_written(self.folder, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _refusal(self) -> StoreLocked:
        by = _said(self.folder / ".lock")
        return StoreLocked(
            f'{self.folder}: run "{self.folder.name}" is already being trained by process '
            f"{by.pid} on {by.host} since {by.since}; wait for it, or train under another --name"
        )


def _locked(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _flock(descriptor)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        said = {"host": socket.gethostname(), "pid": os.getpid(), "since": since}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(said).encode())
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _flock(descriptor: int) -> None:
    for left in reversed(range(_TRIES)):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                raise
            time.sleep(_PAUSE)
    return None


def _said(file: Path) -> Holder:
    try:
        said = json.loads(file.read_bytes())
        return Holder(str(said["host"]), said["pid"], str(said["since"]))
    except (OSError, ValueError, TypeError, LookupError):
        return Holder("an unknown host", "unknown", "a moment ago")  # it is just writing the file


def holder(folder: Path | str) -> Holder | None:
    """Who holds the lock of the run in `folder`; None when nobody does."""
    file = Path(folder) / ".lock"
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        return Holder("an unknown host", "unknown", "an unknown time")  # another user's run
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _said(file)
    finally:
        os.close(descriptor)
    return None
