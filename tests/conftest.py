"""Tests that come out the same on every machine, however many run beside each other."""

from __future__ import annotations

import signal

import pytest
import torch
from hypothesis import settings

from aitimestepper.settings import RunConfig

torch.set_num_threads(1)
settings.load_profile("ci")  # deterministic, no deadline


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """Let what tests start hear Ctrl-C, to which processes in the background are born deaf."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def artifacts(tmp_path, monkeypatch):
    """A folder of artifacts for every test; the user's own runs are none of its business."""
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
            "evaluation": {"held_out": 2, "periods": 0.5, "report_orbits": 0},
            "generalize": {
                "batch_size": 16,
                "failing_size": 8,
                "sweep_every": 5,
                "min_iterations": 5,
            },
        }
    )


@pytest.fixture
def told(record_property):
    """Put a line into the table: the drill, and its figures; the last word on a drill counts."""

    def tell(drill, figures):
        record_property("drill", [drill, figures])

    return tell


def pytest_terminal_summary(terminalreporter):
    """The table of the drills: what was done, what was counted, whether it passed."""
    lines = [
        (outcome, report.duration, *value)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if getattr(report, "when", None) == "call"
        for key, value in report.user_properties
        if key == "drill"
    ]
    if not lines:
        return
    terminalreporter.section("drills")
    width = max(len(drill) for _, _, drill, _ in lines)
    for outcome, seconds, drill, figures in sorted(lines, key=lambda line: line[2]):
        terminalreporter.write_line(f"{outcome:<6} {seconds:6.0f} s  {drill:<{width}}  {figures}")
