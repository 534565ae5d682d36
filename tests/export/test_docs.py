"""The examples of docs/export.md run as they stand, and do what they say."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import aitimestepper as ats
from aitimestepper.export import export

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


def example(name):
    text = PAGE.read_text()
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found, f"docs/export.md has no example {name}"
    return found[1]


def ran(name, step, folder, monkeypatch, suffix):
    export(step, folder / f"step{suffix}")
    monkeypatch.chdir(folder)
    names = {}
    exec(compile(example(name), str(PAGE), "exec"), names)
    return names


def test_the_leapfrog_is_ours(make_step, tmp_path, monkeypatch):
    step = make_step(2, 2, step={"eta_max": 0.2, "eta_start": 0.1})
    names = ran("leapfrog", step, tmp_path, monkeypatch, ".npz")
    begin = ats.assemble(*map(_batch, ([0.5, 0.5], *_bodies())))
    end = ats.simulate(begin, step, duration=10.0).outcome.end
    assert names["t"] == pytest.approx(10.0)
    np.testing.assert_allclose(names["x"], end.position[0].numpy(), rtol=1e-8, atol=1e-8)


def test_onnx_and_pt2_give_the_same_step(make_step, tmp_path, monkeypatch):
    step = make_step(2, 2)
    dt = ran("pt2", step, tmp_path, monkeypatch, ".pt2")["dt"].item()
    assert dt > 0
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime to run the graph")
    same = ran("onnx", step, tmp_path, monkeypatch, ".onnx")["dt"].item()
    assert math.isclose(same, dt, rel_tol=1e-12)


def _bodies():
    speed = 0.2886751345948129
    return [[-0.75, 0.0], [0.75, 0.0]], [[0.0, -speed], [0.0, speed]]


def _batch(values):
    return torch.tensor([values], dtype=torch.float64)
