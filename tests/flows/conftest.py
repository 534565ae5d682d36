"""One throwaway Prefect server for the session, and a run so small that it trains in a blink."""

from __future__ import annotations

import pytest
from prefect.settings import (
    PREFECT_LOCAL_STORAGE_PATH,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness

from aitimestepper.settings import RunConfig


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory):
    """The harness alone leaves results in the user's Prefect home."""
    private = {
        PREFECT_LOCAL_STORAGE_PATH: tmp_path_factory.mktemp("results"),
        PREFECT_LOGGING_TO_API_ENABLED: False,
    }
    with prefect_test_harness(server_startup_timeout=120), temporary_settings(private):
        yield


@pytest.fixture
def artifacts(tmp_path, monkeypatch):
    """A folder of artifacts for one test."""
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture
def tiny():
    """Settings of a run that trains in a blink."""
    return RunConfig.model_validate(
        {
            "name": "tiny",
            "epochs": 2,
            "orbits": 2,
            "energy_threshold": 5e-2,
            "initial_conditions": {"eccentricity": (0.0, 0.1)},
            "network": {"hidden": (8,)},
            "evaluation": {"held_out": 2, "periods": 0.5},
            "generalize": {
                "batch_size": 16,
                "failing_size": 8,
                "sweep_every": 5,
                "min_iterations": 5,
            },
        }
    )
