"""The two phases of an epoch as Prefect tasks."""

from __future__ import annotations

from typing import Any

from prefect import Task, task
from prefect.cache_policies import CacheKeyFnPolicy

from aitimestepper.folders import RunFolder

from .caching import phase_key
from .listeners import tell
from .progress import watched
from .reports import Phase, PhaseReport
from .retrying import RETRIED
from .session import current

_KEPT: dict[str, Any] = {
    "persist_result": True,
    "result_serializer": "json",
    "cache_policy": CacheKeyFnPolicy(cache_key_fn=phase_key),
}


@task(name="collect", task_run_name="collect-{epoch:04d}", **_KEPT, **RETRIED)
def collect(name: str, epoch: int) -> PhaseReport:
    """Phase 1: record accepted steps of every orbit, and train on the states that fail."""
    with current(name) as session, watched(name) as progress:
        report = session.collect(epoch, progress)
    tell(report)
    return report


@task(name="generalize", task_run_name="generalize-{epoch:04d}", **_KEPT, **RETRIED)
def generalize(name: str, epoch: int) -> PhaseReport:
    """Phase 2: train on everything recorded until every sample passes."""
    with current(name) as session, watched(name) as progress:
        report = session.generalize(epoch, progress)
    tell(report)
    return report


_TASKS = {"collect": collect, "generalize": generalize}


def kept(phase: Phase, name: str, epoch: int) -> Task[..., PhaseReport]:
    """The task of a phase, its result in the run's folder and taken from there once committed.

    The store decides: a result that outlived the commit it tells of is made again.
    """
    with current(name) as session:
        done = session.done(epoch, phase) is not None
    return _TASKS[phase].with_options(
        result_storage=RunFolder(name).results, refresh_cache=not done
    )
