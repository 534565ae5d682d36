"""The finished model in the registry, as a Prefect task."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import CacheKeyFnPolicy

from .caching import registered_key
from .retrying import RETRIED
from .session import current


@task(
    name="register",
    task_run_name="register-{name}",
    persist_result=True,
    result_serializer="json",
    cache_policy=CacheKeyFnPolicy(cache_key_fn=registered_key),
    **RETRIED,
)
def register(name: str) -> str:
    """Register the model of a run in MLflow and return its version; the same commit only once."""
    with current(name) as session:
        return session.register()
