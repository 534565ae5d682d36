"""Stores and rows for the tests of the store."""

import numpy as np
import pytest

from aitimestepper.store.rows import Rows
from aitimestepper.store.trajectory import TrajectoryStore

B, N, D = 3, 2, 2


def make_rows(steps, seed=0, orbits=B, bodies=N, dimensions=D):
    """Random rows, different for every seed, the same for the same."""
    random = np.random.default_rng(seed)
    scalar = (steps, orbits)
    phase = (*scalar, bodies, dimensions)
    return Rows(
        position=random.normal(size=phase),
        velocity=random.normal(size=phase),
        time=random.random(scalar),
        dt=random.random(scalar),
        energy_error=random.random(scalar),
        attempts=random.integers(1, 9, scalar, dtype=np.int32),
        epoch=np.full(steps, seed, np.int32),
        flags=random.integers(0, 4, scalar, dtype=np.uint8),
    )


def commit_rows(store, rows, epoch=0):
    """Commit rows as phase 1 does, under a made-up checkpoint."""
    return store.commit(
        rows, epoch=epoch, phase="collect", checkpoint=f"{epoch}.pt", checkpoint_sha256="0" * 64
    )


def same(one, two):
    """Whether two sets of rows agree in every bit."""
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, two, strict=True))


@pytest.fixture
def rows():
    """`make_rows`."""
    return make_rows


@pytest.fixture
def commit():
    """`commit_rows`."""
    return commit_rows


@pytest.fixture
def bits():
    """`same`."""
    return same


@pytest.fixture
def create(tmp_path):
    """Make an empty store, by default at `run/trajectory.zarr`."""

    def create_store(path="run/trajectory.zarr", **more):
        attributes = {"settings": {"threshold": 2e-4}}
        mass = np.arange(1.0, B * N + 1).reshape(B, N)
        given = {"store_uuid": "a-uuid", "attributes": attributes, **more}
        return TrajectoryStore.create(tmp_path / path, mass, D, **given)

    return create_store


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of 4 steps, so that few rows cross their borders."""
    monkeypatch.setattr("aitimestepper.store.schema.CHUNK_BYTES", 4 * 8 * B * N * D)
