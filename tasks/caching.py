"""How results of tasks are kept, so that a retried epoch shows what it had finished."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from .reports import Phase
from .resume import fingerprint
from .session import Session, current


@cache
def library_fingerprint() -> str:
    """Hash of every source file of the library.

    Prefect's own policy hashes the lines of the task alone, and ours are thin.
    """
    digest = sha256()
    for file in sorted(Path(str(files("aitimestepper"))).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def phase_key(context: Any, parameters: dict[str, Any]) -> str:
    """Cache key of a phase: equal only if it would do the same work again."""
    phase, epoch = context.task.name, parameters["epoch"]
    with current(parameters["name"]) as session:
        return _key(session, epoch, phase)


def finished_key(context: Any, parameters: dict[str, Any]) -> str:
    """Cache key of what is done with a run that stands at its last commit."""
    with current(parameters["name"]) as session:
        wanted = session.config.evaluation.model_dump_json()
        told = (session.store.header.uuid, session.store.last.key, wanted, library_fingerprint())
    return f"{context.task.name}-{sha256('/'.join(told).encode()).hexdigest()[:12]}"


def _key(session: Session, epoch: int, phase: Phase) -> str:
    done = session.done(epoch, phase)
    parent = done.parent if done else session.place.parent
    told = (session.store.header.uuid, parent, fingerprint(session.config), library_fingerprint())
    return f"{epoch:04d}-{phase}-{sha256('/'.join(told).encode()).hexdigest()[:12]}"


def registered_key(context: Any, parameters: dict[str, Any]) -> str:
    """Cache key of the registered model: the commit alone, however the model was judged."""
    with current(parameters["name"]) as session:
        told = (session.store.header.uuid, session.store.last.key, library_fingerprint())
    return f"{context.task.name}-{sha256('/'.join(told).encode()).hexdigest()[:12]}"
