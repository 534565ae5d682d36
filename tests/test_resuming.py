"""A run that was interrupted goes on as if nothing had happened, bit for bit."""

import errno
import shutil

import numpy as np
import pytest
import torch
import xarray
import zarr

import aitimestepper as ats
from aitimestepper.errors import UserError
from aitimestepper.physics.kepler import binary
from aitimestepper.store.errors import StoreError


@pytest.fixture
def systems():
    """Three pairs that need very different numbers of steps."""
    eccentricity = torch.tensor([0.1, 0.5, 0.8], dtype=torch.float64)
    mass = torch.ones(3, 2, dtype=torch.float64)
    return binary(torch.ones_like(eccentricity), eccentricity, mass)


class Interrupting:
    """Presses Ctrl-C after some blocks."""

    def __init__(self, blocks):
        self._left = blocks

    def __call__(self, _):
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


RUNS = [
    ("freefall:0.01", {"duration": 20.0}),
    ("freefall:0.01", {"duration": 20.0, "scheme": "symmetric"}),
    ("freefall:0.01", {"duration": 20.0, "scheme": "reversible"}),
    ("freefall:0.3", {"duration": 40.0, "guard": True}),
    ("freefall:0.01", {"steps": 1000}),
]


@pytest.mark.parametrize(("source", "options"), RUNS, ids=str)
@pytest.mark.parametrize("blocks", [1, 2])
def test_an_interrupted_run_goes_on_to_the_same_bits(systems, tmp_path, source, options, blocks):
    step = ats.load(source)
    whole = ats.simulate(systems, step, **options, out=tmp_path / "whole.zarr")
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        ats.simulate(
            systems, step, **options, out=tmp_path / "part.zarr", tell=Interrupting(blocks)
        )
    part = xarray.open_zarr(tmp_path / "part.zarr").load()
    assert 1 < part.sizes["step"] == 256 * blocks + 1
    resumed = ats.simulate(systems, step, **options, out=tmp_path / "part.zarr", resume=True)
    once, twice = (xarray.open_zarr(tmp_path / f"{name}.zarr").load() for name in ("whole", "part"))
    for name in once.data_vars:
        np.testing.assert_array_equal(once[name], twice[name])
    one, other = whole.figures(), resumed.figures()
    for key in ("wall_seconds", "out"):
        del one[key], other[key]
    assert one == other


def test_a_run_that_came_to_its_end_is_not_gone_on_with(systems, tmp_path):
    step, out = ats.load("freefall:0.1"), tmp_path / "run.zarr"
    ats.simulate(systems, step, steps=10, out=out)
    with pytest.raises(UserError, match="came to its end"):
        ats.simulate(systems, step, steps=10, out=out, resume=True)
    with pytest.raises(UserError, match="leave out --resume"):
        ats.simulate(systems, step, steps=10, out=tmp_path / "none.zarr", resume=True)
    with pytest.raises(UserError, match="no file"):
        ats.simulate(systems, step, steps=10, resume=True)


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("freefall:0.02", {"steps": 1000}, "model freefall:0.01"),
        ("freefall:0.01", {"steps": 2000}, "max_steps 1000"),
        ("freefall:0.01", {"duration": 20.0}, "max_steps 1000"),
        ("freefall:0.01", {"steps": 1000, "scale": 0.5}, "scale 1.0"),
        ("freefall:0.01", {"steps": 1000, "guard": True}, "guard False"),
        ("freefall:0.01", {"steps": 1000, "scheme": "symmetric"}, "scheme plain"),
    ],
)
def test_another_run_is_not_gone_on_with(systems, tmp_path, source, options, said):
    out = tmp_path / "run.zarr"
    with pytest.raises(KeyboardInterrupt):
        ats.simulate(systems, ats.load("freefall:0.01"), steps=1000, out=out, tell=Interrupting(1))
    with pytest.raises(UserError, match=said):
        ats.simulate(systems, ats.load(source), **options, out=out, resume=True)
    moved = ats.assemble(systems.mass, 1.001 * systems.position, systems.velocity)
    with pytest.raises(UserError):
        ats.simulate(moved, ats.load("freefall:0.01"), steps=1000, out=out, resume=True)
    assert xarray.open_zarr(out).sizes["step"] == 257


class Full:
    """A disk that is full after some files."""

    def __init__(self, monkeypatch, files):
        self._left, put = files, zarr.storage._local._put

        def full(*arguments, **more):
            self._left -= 1
            if self._left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return put(*arguments, **more)

        monkeypatch.setattr("zarr.storage._local._put", full)


@pytest.mark.parametrize("files", [0, 1, 3, 7, 9])
def test_a_full_disk_leaves_what_was_written_readable(systems, tmp_path, monkeypatch, files):
    """However far the disk lets a block be written: a prefix stays, and the run goes on later."""
    step, options = ats.load("freefall:0.01"), {"steps": 9000, "judge": False}
    ats.simulate(systems, step, **options, out=tmp_path / "whole.zarr")
    out, filled = tmp_path / "run.zarr", []

    def fill(progress):
        if progress.taken > 4500 and not filled:
            filled.append(Full(monkeypatch, files))

    with pytest.raises(StoreError, match="no space left; .* rows are there"):
        ats.simulate(systems, step, **options, out=out, tell=fill)
    monkeypatch.undo()
    whole = xarray.open_zarr(tmp_path / "whole.zarr").load()
    kept = xarray.open_zarr(out).load()
    assert kept.sizes["step"] > 4000
    for name in ("time", "position", "energy_error"):
        np.testing.assert_array_equal(kept[name], whole[name][: kept.sizes["step"]])
    ats.simulate(systems, step, **options, out=out, resume=True)
    again = xarray.open_zarr(out).load()
    for name in whole.data_vars:
        np.testing.assert_array_equal(again[name], whole[name])


def test_a_killed_process_leaves_what_was_written(systems, tmp_path):
    """What is on disk between two writes is what a kill would leave."""
    step, out, copies = ats.load("freefall:0.01"), tmp_path / "run.zarr", []

    def copy(progress):
        if progress.taken > 5000 and not copies:
            copies.append(shutil.copytree(out, tmp_path / "killed.zarr"))

    ats.simulate(systems, step, steps=6000, judge=False, out=out, tell=copy)
    rows = xarray.open_zarr(copies[0]).sizes["step"]
    assert 4000 < rows < 6000
    ats.simulate(systems, step, steps=6000, judge=False, out=copies[0], resume=True)
    np.testing.assert_array_equal(
        xarray.open_zarr(copies[0]).position, xarray.open_zarr(out).position
    )


def test_progress_says_how_far_a_run_has_come(systems):
    heard = []
    ats.simulate(systems, ats.load("freefall:0.01"), duration=10.0, tell=heard.append)
    shares = [progress.share for progress in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert heard[-1].time == 10.0
    assert 0 < heard[-1].energy_error < 1e-2
