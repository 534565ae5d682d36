"""The servers of a folder of artifacts, for commands that would else start their own beside them.

Two Prefect servers on one SQLite file lock each other out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .embedded import answers

_KEYS = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")


def _file(home: Path) -> Path:
    return home / "served" / "addresses.json"


@contextmanager
def announced(home: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Say during the block that a folder of artifacts is served.

    Arguments:
        home: The folder.
        variables: Environment with the addresses that clients are to use.
    """
    file = _file(home)
    file.write_text(json.dumps({key: variables[key] for key in _KEYS}))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def joined(home: Path) -> Iterator[None]:
    """Use the servers of a folder during the block, if they answer and no others are set."""
    found = {} if "PREFECT_API_URL" in os.environ else _found(home)
    new = found.keys() - os.environ.keys()
    os.environ.update({key: found[key] for key in new})
    try:
        yield
    finally:
        for key in new:
            del os.environ[key]


def _found(home: Path) -> dict[str, str]:
    """The variables of servers that answer; a file that is left over or broken names none."""
    try:
        told = json.loads(_file(home).read_text())
        found = {key: str(told[key]) for key in _KEYS}
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return found if answers(f"{found['PREFECT_API_URL']}/health") else {}
