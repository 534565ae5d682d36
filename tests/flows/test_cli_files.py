"""Commands that write a file for other programs say where it is, and the file works."""

from __future__ import annotations

import json
import math

import pytest
from PIL import Image
from problems import equal_pair

import aitimestepper as ats
from aitimestepper.export import NumpyStep
from aitimestepper.settings import RunConfig
from aitimestepper.store import checkpoints
from flows.cli import main
from tasks.session import opened

RUN = [
    "simulate",
    "--model",
    "freefall:0.1",
    "--case",
    "kepler-e0.5",
    "--steps",
    "20",
    "--json",
    "--movie",
]


@pytest.fixture
def checkpoint(tiny: RunConfig):
    """A checkpoint of a run of one phase."""
    with opened(tiny) as session:
        session.collect(1)
        path = session.folder.checkpoints / session.store.last.checkpoint
    checkpoints.read(path)
    return path


def test_export_writes_the_step_of_a_run(checkpoint, tmp_path, capsys):
    out = tmp_path / "step.npz"
    assert main(["export", "--model", str(checkpoint), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"model": str(checkpoint), "out": str(out), "bytes": out.stat().st_size}
    system = equal_pair(0.5)
    dt = NumpyStep.load(out)(*(t[0].numpy() for t in list(system)[:3]))
    assert math.isclose(dt, ats.load(checkpoint)(system).item(), rel_tol=1e-12)
    before = out.read_bytes()
    assert main(["export", "--model", str(checkpoint), "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_simulate_films_and_keeps_no_other_file(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main([*RUN, "run.gif"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["steps"], told["out"], told["movie"]) == (20, None, "run.gif")
    with Image.open("run.gif") as image:
        assert image.n_frames == 250
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "run.gif"])


def test_simulate_refuses_a_movie_that_is_there_before_it_works(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.gif").write_text("mine")
    assert main([*RUN, "run.gif", "--out", "run.zarr"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert not (tmp_path / "run.zarr").exists()
    assert (tmp_path / "run.gif").read_text() == "mine"
