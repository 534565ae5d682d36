"""From Python: load a rule, simulate bodies, read the file back and replay it."""

import math

import numpy as np
import pytest
import torch
import xarray

import aitimestepper as ats
from aitimestepper.errors import UserError
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.physics.kepler import binary
from aitimestepper.simulation.cases import load_cases
from aitimestepper.simulation.evolve import evolve


@pytest.fixture
def system():
    return load_cases()["kepler-e0.5"].system


def test_a_simulation_file_replays_with_another_loop(system, tmp_path):
    out = tmp_path / "run.zarr"
    ats.simulate(system, ats.load("freefall:0.1"), periods=1, out=out)
    file = xarray.open_zarr(out)
    state = system
    for k in range(1, file.sizes["step"]):
        dt = torch.from_numpy(file.dt[k].values)
        state = leapfrog(state, dt, Gravity()).system
        np.testing.assert_allclose(state.position.numpy(), file.position[k].values, rtol=1e-14)
    assert float(file.dt[0, 0]) == 0
    np.testing.assert_array_equal(file.position[0].values, system.position.numpy())
    assert float(file.time[-1, 0]) == pytest.approx(2 * math.pi, abs=0)


def test_an_ensemble_writes_every_system_and_those_that_arrived_stand_still(system, tmp_path):
    slower = torch.tensor([1.0, 0.9, 0.8], dtype=torch.float64)[:, None, None]
    many = system.repeat(3)
    many = ats.assemble(many.mass, many.position, many.velocity * slower)
    result = ats.simulate(many, ats.load("freefall:0.1"), periods=2, out=tmp_path / "many.zarr")
    file = xarray.open_zarr(tmp_path / "many.zarr")
    assert file.sizes["system"] == 3
    assert (file.dt.values[1:] > 0).sum(0).tolist() == result.outcome.steps.tolist()
    np.testing.assert_array_equal(file.time[-1].values, result.outcome.end.time.numpy())
    np.testing.assert_array_equal(file.position[-1].values, result.outcome.end.position.numpy())
    error = file.energy_error.values.max(0)
    np.testing.assert_allclose(error, result.outcome.energy_error_max.numpy(), rtol=1e-9)


def test_figures_count_what_happened(system):
    figures = ats.simulate(system, ats.load("fixed:0.01"), duration=1.0).figures()
    assert figures["steps"] == 100
    assert figures["evaluations"] == 101
    assert figures["time"] == 1.0
    assert figures["gate_violations"] == 0
    assert 0 < figures["energy_error_max"] < 1e-3
    assert figures["angular_momentum_error"] < 1e-13


def test_evaluations_are_those_that_the_field_counts(system, monkeypatch):
    calls = []
    count = Gravity.acceleration
    monkeypatch.setattr(
        Gravity, "acceleration", lambda self, s: calls.append(len(s)) or count(self, s)
    )
    for source in ("fixed:0.01", "freefall:0.1", "aarseth:0.05", "oracle:2e-4"):
        step, blocks = ats.load(source), []
        calls.clear()
        for block in evolve(system, step, step.gate, until=system.time + 2.0):
            blocks.append(block)
        steps = sum(int((block.dt != 0).sum()) for block in blocks)
        assert sum(calls) == ats.simulate(system, step, duration=2.0).figures()["evaluations"]
        assert steps > 1


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ({}, "one of duration, periods and steps"),
        ({"duration": 1.0, "steps": 3}, "one of duration, periods and steps"),
        ({"duration": 0.0}, "duration must be above 0"),
        ({"duration": math.inf}, "duration must be above 0"),
        ({"periods": -1.0}, "periods must be above 0"),
        ({"steps": 0}, "steps must be above 0"),
    ],
)
def test_an_end_that_is_none_is_refused(system, end, message):
    with pytest.raises(UserError, match=message):
        ats.simulate(system, ats.load("fixed:0.01"), **end)


def test_three_bodies_have_no_period():
    with pytest.raises(UserError, match="has 3"):
        ats.simulate(load_cases()["pythagorean"].system, ats.load("fixed:0.01"), periods=1)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_that_is_none_is_refused(system, scale):
    with pytest.raises(UserError, match="scale must be above 0 and finite"):
        ats.simulate(system, ats.load("freefall:0.1"), steps=2, scale=scale)


def test_a_rule_that_is_scaled_already_says_its_whole_scale(system, tmp_path):
    half, out = ats.load("freefall:0.1").scaled(0.5), tmp_path / "run.zarr"
    figures = ats.simulate(system, half, steps=9, scale=0.5, out=out).figures()
    quarter = ats.simulate(system, ats.load("freefall:0.025"), steps=9).figures()
    assert figures["scale"] == xarray.open_zarr(out).attrs["scale"] == 0.25
    assert figures["time"] == quarter["time"]


@pytest.mark.parametrize("speed", [math.sqrt(2), 2.0])
def test_unbound_pairs_are_refused_before_the_first_step(speed):
    one = torch.ones(1, dtype=torch.float64)
    circle = binary(one, 0 * one, torch.full((1, 2), 0.5, dtype=torch.float64))
    fast = ats.assemble(circle.mass, circle.position, speed * circle.velocity)
    with pytest.raises(UserError, match="parabolic or unbound"):
        ats.simulate(fast, ats.load("fixed:0.01"), duration=1)


def test_an_existing_file_is_never_overwritten_unasked(system, tmp_path):
    out = tmp_path / "run.zarr"
    ats.simulate(system, ats.load("fixed:0.1"), steps=3, out=out)
    before = sorted(p.name for p in out.rglob("*"))
    with pytest.raises(UserError, match="--overwrite"):
        ats.simulate(system, ats.load("fixed:0.1"), steps=5, out=out)
    assert sorted(p.name for p in out.rglob("*")) == before
    ats.simulate(system, ats.load("fixed:0.1"), steps=5, out=out, overwrite=True)
    assert xarray.open_zarr(out).sizes["step"] == 6


@pytest.mark.parametrize("source", ["fixed:", "fixed:0", "freefall:-1", "oracle:nan", "aarseth:x"])
def test_a_formula_without_a_good_number_is_refused(source):
    with pytest.raises(UserError, match="number above 0"):
        ats.load(source)


def test_an_unknown_run_names_what_can_be_given(tmp_path, monkeypatch):
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(tmp_path))
    with pytest.raises(UserError, match='no run "nobody".*freefall:ETA'):
        ats.load("nobody")
