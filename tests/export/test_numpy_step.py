"""The NumPy step is the torch step to rounding, needs NumPy alone, and runs no foreign code."""

from __future__ import annotations

import copy
import math
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from problems import equal_pair, random_bound

import aitimestepper as ats
from aitimestepper.errors import UserError
from aitimestepper.export import NumpyStep, numpy_features, to_numpy

HERE = Path(numpy_features.__file__).parent


def each(step, system):
    """The NumPy step of every system of a batch."""
    rows = zip(*(t.numpy() for t in (system.mass, system.position, system.velocity)), strict=True)
    return np.array([step(*row) for row in rows])


@pytest.mark.parametrize(
    ("bodies", "dimensions", "settings"),
    [
        (2, 2, {}),
        (2, 3, {"field": {"softening": 0.1}, "network": {"activation": "tanh", "hidden": [8]}}),
        (3, 2, {"network": {"activation": "gelu", "hidden": [16, 8, 4]}}),
        (3, 3, {"field": {"softening": 0.1}, "network": {"fourier": 5, "dropout": 0.1}}),
        (4, 3, {"network": {"activation": "relu"}}),
        (5, 2, {"field": {"softening": 0.1}}),
        (9, 3, {}),
        (2, 2, {"features": {"kind": "basic"}}),
        (3, 3, {"features": {"kind": "basic"}, "field": {"softening": 0.1}}),
        (2, 3, {"features": {"kind": "rich"}}),
        (4, 2, {"features": {"kind": "rich"}, "field": {"softening": 0.1}}),
    ],
)
def test_it_is_the_torch_step_to_rounding(make_step, bodies, dimensions, settings):
    step = make_step(bodies, dimensions, **settings)
    system = random_bound(32, bodies, dimensions)
    wanted = step(system).numpy()
    assert wanted.std() > 0.1 * wanted.mean()
    np.testing.assert_allclose(each(to_numpy(step), system), wanted, rtol=1e-12)


def test_a_model_in_float32_differs_by_its_own_rounding(make_step):
    step, system = make_step(3, 2, dtype="float32"), random_bound(32, 3, 2)
    np.testing.assert_allclose(each(to_numpy(step), system), step(system).numpy(), rtol=1e-4)


def test_few_bodies_and_many_bodies_are_one_formula(monkeypatch):
    system = random_bound(1, 4, 3)
    state = [t[0].numpy() for t in (system.mass, system.position, system.velocity)]
    scalars, scale = numpy_features.FEATURES["dimensionless"](*state, 0.1)
    monkeypatch.setattr(numpy_features, "_FEW_PAIRS", 0)
    arrays, same = numpy_features.FEATURES["dimensionless"](*state, 0.1)
    np.testing.assert_allclose(arrays, scalars, rtol=1e-12, atol=1e-13)
    assert math.isclose(scale, same, rel_tol=1e-12)


def test_what_is_saved_comes_back_without_pickle(make_step, tmp_path):
    step = to_numpy(make_step(3, 2, network={"fourier": 3}))
    step.save(tmp_path / "step.npz")
    again, system = NumpyStep.load(tmp_path / "step.npz"), random_bound(8, 3, 2)
    np.testing.assert_array_equal(each(again, system), each(step, system))
    with np.load(tmp_path / "step.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_a_copy_has_buffers_of_its_own(make_step):
    step, system = to_numpy(make_step(2, 2)), random_bound(4, 2, 2)
    wanted = each(step, system)
    for twin in (copy.copy(step), copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
        each(step, random_bound(1, 2, 2, seed=5))
        np.testing.assert_array_equal(each(twin, system), wanted)


def test_two_files_and_numpy_are_all_that_it_needs(make_step, tmp_path):
    """In a Python that cannot import torch, from a folder that holds nothing else of ours."""
    step, system = make_step(2, 2), equal_pair(0.5)
    to_numpy(step).save(tmp_path / "step.npz")
    (tmp_path / "mine").mkdir()
    for name in ("numpy_step.py", "numpy_features.py", "numpy_statistics.py"):
        shutil.copy(HERE / name, tmp_path / "mine")
    code = (
        "import sys; sys.modules['torch'] = None; sys.path.insert(0, '.')\n"
        "import numpy as np; from mine.numpy_step import NumpyStep\n"
        f"x, v = np.array({system.position[0].tolist()}), np.array({system.velocity[0].tolist()})\n"
        "print(repr(NumpyStep.load('step.npz')(np.ones(2), x, v)))\n"
    )
    command = [sys.executable, "-I", "-c", code]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert math.isclose(float(said.stdout), step(system).item(), rel_tol=1e-12)


def test_importing_it_from_the_package_imports_no_torch():
    code = (
        "import sys; from aitimestepper.export import NumpyStep\n"
        "print(sorted({'torch', 'zarr', 'pydantic'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("bodies", [2, 5])
def test_a_state_without_an_answer_gives_nan(make_step, bodies):
    step, system = to_numpy(make_step(bodies, 2)), random_bound(1, bodies, 2)
    mass, x, v = (t[0].numpy().copy() for t in (system.mass, system.position, system.velocity))
    together, lost = x.copy(), x.copy()
    together[1], lost[1, 0] = x[0], math.nan
    assert math.isnan(step(mass, together, v))
    assert math.isnan(step(mass, lost, v))
    assert math.isnan(step(mass, math.inf * x, v))
    assert math.isnan(step(0 * mass, x, v))
    assert step(mass, x, v) > 0


def test_another_number_of_bodies_is_refused(make_step):
    step = to_numpy(make_step(2, 2))
    with pytest.raises(ValueError, match=r"2 bodies in 2 dimensions.*\(3, 2\)"):
        step(np.ones(3), np.ones((3, 2)), np.ones((3, 2)))


def test_a_file_that_is_no_step_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(ValueError, match="not an exported step"):
        NumpyStep.load(tmp_path / "other.npz")


def test_a_formula_and_a_model_with_a_past_are_refused(make_step):
    with pytest.raises(UserError, match="fixed:0.01 is a formula"):
        to_numpy(ats.load("fixed:0.01"))
    with pytest.raises(UserError, match="2 past states"):
        to_numpy(make_step(2, 2, history={"length": 2}))


def test_features_that_numpy_does_not_know_are_named(make_step, monkeypatch):
    monkeypatch.delitem(numpy_features.FEATURES, "dimensionless")
    with pytest.raises(UserError, match="the model has dimensionless; export it as .onnx"):
        to_numpy(make_step(2, 2))
