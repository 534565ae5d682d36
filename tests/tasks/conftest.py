"""A run so small that it trains in a blink, in a folder of its own."""

from __future__ import annotations

import pytest

from aitimestepper.settings import RunConfig


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
            "orbits": 2,
            "steps_per_epoch": 2,
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
