"""In a field that changes with time, the energy error of a run is what the integrator got wrong."""

import numpy as np
import pytest
import torch
import zarr
from problems import binaries

import aitimestepper as ats
from aitimestepper.model.rules import Fixed
from aitimestepper.physics.combined import Combined
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.higher_order import INTEGRATORS, Substeps
from aitimestepper.physics.tide import Circle, Tide
from aitimestepper.sources import Step

FIELD = Combined((Gravity(), Tide(40.0, Circle(radius=8.0, rate=0.7))))


def run(dt, out=None):
    step = Step("fixed", Fixed(dt), Gate(FIELD, 1e-3))
    return ats.simulate(binaries()[0], step, duration=1.0, out=out).outcome


def test_error_falls_with_the_square_of_the_step():
    coarse, fine = (run(dt).energy_error_max for dt in (2e-3, 1e-3))
    assert (coarse / fine).log2().min() > 1.8
    assert fine.max() < 1e-3


def test_energy_itself_changes_far_more():
    """What a run that forgot the work would report as its error."""
    outcome = run(1e-3)
    begin, end = binaries()[0], outcome.end
    energies = [Gate(FIELD, 1e-3).start(s).energy for s in (begin, end)]
    change = ((energies[1] - energies[0]) / energies[0]).abs()
    assert (change > 20 * outcome.energy_error_final).any()


def test_file_holds_the_same_errors(tmp_path):
    outcome = run(0.01, tmp_path / "run.zarr")
    error = np.asarray(zarr.open_group(tmp_path / "run.zarr", mode="r")["energy_error"])
    np.testing.assert_allclose(error.max(0), outcome.energy_error_max.numpy(), rtol=1e-9)
    np.testing.assert_allclose(error[-1], outcome.energy_error_final.numpy(), atol=1e-15)


@pytest.mark.parametrize(
    ("name", "cost"), [("leapfrog", 1), ("yoshida4", 3), ("blanes_moan4", 6), ("hermite4", 2)]
)
def test_evaluations_are_counted_by_the_field(name, cost):
    integrator = Substeps(INTEGRATORS[name], 2)
    step = Step("fixed", Fixed(0.01), Gate(FIELD, 1e-3, integrator=integrator))
    outcome = ats.simulate(binaries()[0], step, steps=7).outcome
    assert torch.equal(outcome.evaluations, torch.full((3,), 7 * 2 * cost + 1))
