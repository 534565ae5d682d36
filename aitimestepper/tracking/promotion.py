"""The best of several registered models under a name of its own."""

from __future__ import annotations

from .client import connect
from .failures import reported
from .models import register


def promote(uri: str, source: str, version: str, name: str, alias: str) -> str:
    """Make a model version the newest of `name`, point an alias at it, return its number.

    Promoting the same model again changes nothing.

    Arguments:
        uri: Tracking server or embedded store.
        source: Registered model to take from.
        version: Which version of it.
        name: Registered model to put it under, made when missing.
        alias: Word that points at it from now on.

    Raises:
        TrackingUnavailable: The server does not answer.
    """
    client = connect(uri)
    with reported(uri):
        found = client.get_model_version(source, version)
        model = client.get_logged_model(str(found.model_id))
        query = f"name = '{name}' and run_id = '{model.source_run_id}'"
        for made in client.search_model_versions(query):
            if made.model_id == model.model_id:
                client.set_registered_model_alias(name, alias, str(made.version))
                return str(made.version)
        return register(client, model, name, dict(found.tags), [alias])
