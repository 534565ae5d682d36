"""Exported files do what the model does, for any number of systems, and replace nothing unasked."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from problems import random_bound

from aitimestepper.errors import UserError
from aitimestepper.export import NumpyStep, export
from aitimestepper.export.bodies import bodies_of

CASES = [
    (2, 2, {}),
    (3, 3, {"field": {"softening": 0.1}, "network": {"activation": "tanh", "fourier": 3}}),
    (4, 2, {"features": {"kind": "basic"}, "network": {"activation": "relu", "hidden": [8]}}),
    (3, 3, {"features": {"kind": "rich"}}),
]


@pytest.mark.parametrize(("bodies", "dimensions", "settings"), CASES)
def test_pt2_is_the_model_to_rounding(make_step, tmp_path, bodies, dimensions, settings):
    step = make_step(bodies, dimensions, **settings)
    module = torch.export.load(export(step, tmp_path / "step.pt2")).module()
    for batch in (1, 7):
        system = random_bound(batch, bodies, dimensions)
        dt = module(torch.from_numpy(bodies_of(system)))
        torch.testing.assert_close(dt, step(system), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("bodies", "dimensions", "settings"), CASES)
def test_onnx_is_the_model_to_rounding(make_step, tmp_path, bodies, dimensions, settings):
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime to run the graph")
    step = make_step(bodies, dimensions, **settings)
    session = runtime.InferenceSession(export(step, tmp_path / "step.onnx"))
    for batch in (1, 7):
        system = random_bound(batch, bodies, dimensions)
        (dt,) = session.run(["dt"], {"bodies": bodies_of(system)})
        assert dt.dtype == np.float64
        np.testing.assert_allclose(dt, step(system).numpy(), rtol=1e-12)


def test_npz_is_the_numpy_step(make_step, tmp_path):
    step, system = make_step(2, 2), random_bound(1, 2, 2)
    alone = NumpyStep.load(export(step, tmp_path / "new" / "step.npz"))
    state = (t[0].numpy() for t in (system.mass, system.position, system.velocity))
    assert math.isclose(alone(*state), step(system).item(), rel_tol=1e-12)


def test_an_existing_file_is_replaced_only_when_asked(make_step, tmp_path):
    out = tmp_path / "step.npz"
    out.write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        export(make_step(2, 2), out)
    assert out.read_text() == "mine"
    NumpyStep.load(export(make_step(2, 2), out, overwrite=True))
    assert [path.name for path in tmp_path.iterdir()] == ["step.npz"]


@pytest.mark.parametrize("out", ["step.pkl", "step"])
def test_an_unknown_ending_is_refused(make_step, tmp_path, out):
    with pytest.raises(UserError, match=r"\.npz, \.onnx, \.pt2"):
        export(make_step(2, 2), tmp_path / out)


def test_a_folder_that_is_a_file_is_refused(make_step, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        export(make_step(2, 2), tmp_path / "file" / "step.npz")


def test_gelu_is_refused_where_runtimes_lack_erf(make_step, tmp_path):
    with pytest.raises(UserError, match="gelu"):
        export(make_step(2, 2, network={"activation": "gelu"}), tmp_path / "step.onnx")
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(make_step, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "aitimestepper.export.translations", raising=False)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"aitimestepper\[onnx\]"):
        export(make_step(2, 2), tmp_path / "step.onnx")
