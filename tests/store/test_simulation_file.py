"""A simulation on disk is what was appended, whatever ended it."""

import errno
import json
from contextlib import suppress

import numpy as np
import pytest
import xarray
import zarr

from aitimestepper.errors import UserError
from aitimestepper.store.errors import StoreError
from aitimestepper.store.simulation_file import SimulationFile

B, N, D = 2, 3, 2
MASS = np.arange(1.0, 7.0).reshape(B, N)


def block(steps, seed=0):
    random = np.random.default_rng(seed)
    scalar, phase = (steps, B), (steps, B, N, D)
    return {
        "time": random.random(scalar),
        "dt": random.random(scalar),
        "position": random.normal(size=phase),
        "velocity": random.normal(size=phase),
        "energy_error": random.random(scalar),
    }


@pytest.fixture
def start(tmp_path):
    """Create a simulation file with three bodies."""

    def create(**more):
        attributes = {"scheme": "plain", **more.pop("attributes", {})}
        return SimulationFile.create(tmp_path / "s.zarr", MASS, D, attributes=attributes, **more)

    return create


def check(path, blocks):
    data = xarray.open_zarr(path, consolidated=True)
    whole = {name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]}
    for name, array in whole.items():
        np.testing.assert_array_equal(data[name], array)
        assert data[name].dims == ("step", "system", "body", "axis")[: array.ndim]
        assert "units" in data[name].attrs
    np.testing.assert_array_equal(data.mass, MASS)
    assert data.mass.dims == ("system", "body")
    return data


@pytest.mark.parametrize("sizes", [[1], [1, 7, 7], [1, 5000, 1]])
def test_xarray_reads_what_was_appended(start, sizes):
    blocks = [block(steps, seed) for seed, steps in enumerate(sizes)]
    with start() as file:
        for one in blocks:
            file.append(**one)
    data = check(file.path, blocks)
    assert data.attrs["scheme"] == "plain"
    assert data.attrs["schema"] == "aitimestepper-simulation"


def test_ctrl_c_leaves_a_complete_file(start):
    def interrupted():
        yield block(3)
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt), start() as file:
        for one in interrupted():
            file.append(**one)
    check(file.path, [block(3)])


def test_memory_stays_within_a_chunk(start):
    with start() as file:
        for seed in range(40):
            file.append(**block(500, seed))
            assert sum(len(b.time) for b in file._waiting) < 4096
    assert file.rows == 20_000


def test_a_block_may_be_overwritten_by_its_owner_afterwards(start):
    """The caller may reuse its buffers."""
    one, kept = block(2), block(2)
    with start() as file:
        file.append(**one)
        for array in one.values():
            array[:] = -1
    check(file.path, [kept])


def test_zeros_are_data(start):
    zeros = {name: np.zeros_like(array) for name, array in block(2).items()}
    with start() as file:
        file.append(**zeros)
    stored = zarr.open_array(file.path / "velocity", mode="r")
    np.testing.assert_array_equal(stored, zeros["velocity"])


def test_an_existing_path_is_not_overwritten_unasked(start, tmp_path):
    with start() as file:
        file.append(**block(2))
    with pytest.raises(UserError, match="exists; give another --out or add --overwrite"):
        start()
    check(tmp_path / "s.zarr", [block(2)])
    with start(overwrite=True) as file:
        file.append(**block(1, seed=5))
    check(tmp_path / "s.zarr", [block(1, seed=5)])


@pytest.mark.parametrize("document", [None, "{}", "nonsense", json.dumps({"attributes": 1})])
def test_overwrite_never_removes_something_else(start, tmp_path, document):
    (tmp_path / "s.zarr").mkdir()
    (tmp_path / "s.zarr/precious").write_text("mine")
    if document:
        (tmp_path / "s.zarr/zarr.json").write_text(document)
    with pytest.raises(UserError, match="no simulation file"):
        start(overwrite=True)
    assert (tmp_path / "s.zarr/precious").read_text() == "mine"


def test_shapes_that_do_not_belong_together_are_refused(start):
    with start() as file, pytest.raises(ValueError, match="position has shape"):
        file.append(**{**block(2), "position": block(3)["position"]})


def test_a_full_disk_is_one_sentence(start, monkeypatch):
    file = start()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("zarr.storage._local._put", full)
    with pytest.raises(StoreError, match="no space left; 0 rows are there; free space"):
        file.append(**block(10_000))
