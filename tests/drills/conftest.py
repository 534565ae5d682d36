"""Every drill says what it did and what it counted; one table at the end shows them all."""

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
def told(record_property):
    """Put a line into the table: the drill, and its figures; the last word on a drill counts."""

    def tell(drill, figures):
        record_property("drill", [drill, figures])

    return tell


def pytest_terminal_summary(terminalreporter):
    """The table: what was done, what was counted, whether it passed."""
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
