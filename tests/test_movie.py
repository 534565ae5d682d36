"""A movie has the frames that were asked for, moves, and replaces nothing unasked."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from problems import equal_pair, random_bound

import aitimestepper as ats
from aitimestepper.errors import UserError
from aitimestepper.movie import movie


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run.zarr"
    ats.simulate(equal_pair(0.5), ats.load("freefall:0.1"), periods=1, out=path)
    return path


def test_a_gif_has_every_frame_at_its_time_and_tells_how_far_it_is(run, tmp_path):
    told = []
    out = movie(run, tmp_path / "run.gif", frames=9, progress=lambda *now: told.append(now))
    with Image.open(out) as image:
        assert image.n_frames == 9
        pictures = []
        for frame in range(9):
            image.seek(frame)
            assert image.info["duration"] == 40
            pictures.append(np.asarray(image.convert("L"), float))
    assert told == [(k, 9) for k in range(1, 10)]
    moved = [np.abs(a - b).max() for a, b in zip(pictures, pictures[1:], strict=False)]
    assert min(moved) > 50


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffmpeg")
def test_an_mp4_has_every_frame(run, tmp_path):
    out = movie(run, tmp_path / "run.mp4", frames=12)
    asked = ["-show_entries", "stream=nb_read_frames,r_frame_rate", "-of", "json"]
    said = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", *asked, out], capture_output=True, check=True
    )
    (stream,) = json.loads(said.stdout)["streams"]
    assert stream == {"r_frame_rate": "25/1", "nb_read_frames": "12"}


def test_many_bodies_in_space_and_one_of_many_systems_can_be_filmed(tmp_path):
    path = tmp_path / "run.zarr"
    ats.simulate(random_bound(3, 200, 3), ats.load("fixed:0.01"), steps=3, out=path, judge=False)
    with Image.open(movie(path, tmp_path / "m.gif", system=2, frames=2)) as image:
        assert image.n_frames == 2


def test_an_existing_movie_is_replaced_only_when_asked(run, tmp_path):
    out = tmp_path / "run.gif"
    out.write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        movie(run, out, frames=2)
    assert out.read_text() == "mine"
    movie(run, out, frames=2, overwrite=True)
    assert out.read_bytes()[:3] == b"GIF"


def test_without_ffmpeg_an_mp4_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(UserError, match="needs ffmpeg.*apt install ffmpeg.*or give a .gif"):
        movie(run, tmp_path / "run.mp4")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_what_ffmpeg_says_reaches_the_user(run, tmp_path, monkeypatch):
    monkeypatch.setattr("aitimestepper.movie._RATE", "nonsense")
    with pytest.raises(UserError, match="ffmpeg says.*nonsense"):
        movie(run, tmp_path / "run.mp4", frames=2)
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]


@pytest.mark.parametrize(("name", "frames"), [("run.avi", 9), ("run", 9), ("run.gif", 1)])
def test_what_cannot_become_a_movie_is_refused(run, tmp_path, name, frames):
    with pytest.raises(UserError, match=r"\.mp4 or \.gif|2 frames"):
        movie(run, tmp_path / name, frames=frames)


def test_an_interrupted_movie_leaves_nothing_behind(run, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        movie(run, tmp_path / "run.gif", frames=4, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["run.zarr"]
