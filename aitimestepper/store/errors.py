"""What can go wrong on disk, each with the path in its text."""

import errno
from pathlib import Path

from aitimestepper.errors import UserError


class StoreError(UserError):
    """Nothing usable at that path, or nothing could be written there."""


class StoreLocked(StoreError):
    """Another process writes this run."""


class SchemaMismatch(StoreError):
    """What is there has another version or another size than the run wants."""


class StoreCorrupt(StoreError):
    """Committed data are missing or altered."""


class CheckpointError(StoreError):
    """A checkpoint is missing, damaged, not ours, or not to be trusted."""


_REASONS = {
    errno.ENOSPC: ("no space left", "free space"),
    errno.EDQUOT: ("the disk quota is used up", "free space"),
    errno.EROFS: ("the file system is read-only", "make it writable"),
    errno.EACCES: ("no permission to write there", "make it writable"),
    errno.ENAMETOOLONG: ("the name is too long", "give a shorter one"),
    errno.EPERM: ("no permission to write there", "make it writable"),
}


def not_written(path: Path, error: OSError, *, state: str = "") -> StoreError:
    """Say why `path` could not be written, what still stands, and what to do.

    Arguments:
        path: What was being written.
        error: What the operating system answered.
        state: What is on disk now, such as "still at 12 rows".
    """
    code = error.errno or 0
    reason, remedy = _REASONS.get(code, (error.strerror or str(error), "mend that"))
    stands = f"; {state}" if state else ""
    return StoreError(f"{path}: {reason}{stands}; {remedy} and type the same command again")
