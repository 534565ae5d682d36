"""A promoted version is the same model under another name, and promoting it twice adds nothing."""

from __future__ import annotations

from aitimestepper.tracking.client import connect
from aitimestepper.tracking.promotion import promote


def test_the_alias_moves_to_the_promoted_model_and_back(uri, run, name, module, bodies, checkpoint):
    def logged():
        return run.log_model(
            module, bodies, name=name, checkpoint=checkpoint, identity="u@1:0", metadata={}
        )

    client, better = connect(uri), f"{name}-sweep"
    first, second = logged(), logged()
    assert [promote(uri, name, v, better, "best") for v in (first, second, first)] == [
        "1",
        "2",
        "1",
    ]
    best = client.get_model_version_by_alias(better, "best")
    assert best.source == client.get_model_version(name, first).source
    assert len(client.search_model_versions(f"name = '{better}'")) == 2
