"""Every example trains, and its model simulates by name alone."""

from pathlib import Path

import pytest

import aitimestepper as ats
from aitimestepper.build import sampler_of
from aitimestepper.simulation.held_out import held_out
from flows.cli_settings import run_config
from tasks.session import opened

EXAMPLES = Path(__file__).parents[1] / "examples"
CONFIGS = sorted(EXAMPLES.glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_example_trains_an_epoch_and_simulates_by_name(path, monkeypatch):
    monkeypatch.chdir(EXAMPLES.parent)
    config = run_config({}, str(path), environment={"HOME": "/"})
    with opened(config) as session:
        collected = session.collect(1)
        generalized = session.generalize(1)
    assert collected.numbers["accepted"] > 0
    assert generalized.numbers["passing"] == 1
    case = held_out(sampler_of(config), 1, config.seed)[0]
    result = ats.simulate(case.system, ats.load(config.name), steps=5)
    assert result.figures()["steps"] == 5


def test_every_example_says_what_to_type():
    assert len(CONFIGS) > 5
    for path in CONFIGS:
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# ")
        assert lines[1] == f"# aitimestepper train --config examples/{path.name}"
