"""What drills share."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers import prefect_server

from aitimestepper.settings import RunConfig
from tasks.session import opened

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Whatever lies in this folder is a drill, and may take its time."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.drill)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture
def prefect_address(tmp_path):
    """The API of a Prefect server that no training owns."""
    with prefect_server(tmp_path / "prefect-home") as (address, _):
        yield address


@pytest.fixture
def config(artifacts):
    """A run "x" of one epoch, in a folder "run"."""
    config = RunConfig.model_validate(
        {
            "name": "x",
            "orbits": 2,
            "energy_threshold": 5e-2,
            "initial_conditions": {"eccentricity": (0.0, 0.1)},
            "network": {"hidden": (8,)},
            "generalize": {"sweep_every": 5, "min_iterations": 5},
        }
    )
    with opened(config) as session:
        session.collect(1)
        session.generalize(1)
    assert (artifacts / "runs" / "x").is_dir()
    return config
