"""Committed data that were altered or lost are noticed, never read."""

import os
import random

import pytest

from aitimestepper.store.errors import SchemaMismatch, StoreCorrupt, StoreError
from aitimestepper.store.trajectory import TrajectoryStore

BITS_PER_FILE = 8

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.fixture
def store(create, rows, commit):
    """Two commits, three chunks, the last one not full."""
    store = create()
    commit(store, rows(5))
    commit(store, rows(5, seed=1), 1)
    return store


def files(store):
    return sorted(path for path in store.path.rglob("*") if path.is_file())


def flip(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def test_a_flipped_bit_in_any_file_is_caught(store):
    random.seed(0)
    missed = []
    for file in files(store):
        data = file.read_bytes()
        for bit in {0, 8 * len(data) - 1, *random.sample(range(8 * len(data)), BITS_PER_FILE)}:
            file.write_bytes(flip(data, bit))
            try:
                TrajectoryStore.load(store.path)
                missed.append((file.name, bit))
            except (StoreCorrupt, SchemaMismatch) as error:
                assert str(store.path) in str(error)  # noqa: PT017
        file.write_bytes(data)
    assert missed == []
    assert TrajectoryStore.load(store.path).rows.steps == 10


def test_a_flipped_bit_in_the_root_document_is_caught_without_reading_data(store):
    random.seed(0)
    root = store.path / "zarr.json"
    data = root.read_bytes()
    for bit in random.sample(range(8 * len(data)), 300):
        root.write_bytes(flip(data, bit))
        with pytest.raises((StoreCorrupt, SchemaMismatch)):
            TrajectoryStore.read_only(store.path)


def test_a_missing_file_is_caught(store):
    for file in files(store):
        data = file.read_bytes()
        file.unlink()
        with pytest.raises(StoreError, match=str(store.path)):
            TrajectoryStore.open(store.path)
        file.write_bytes(data)


def test_a_missing_chunk_is_named(store):
    (store.path / "dt" / "c.1.0").unlink()
    with pytest.raises(StoreCorrupt, match="dt: chunk 1 is missing"):
        TrajectoryStore.open(store.path)


def test_a_chunk_of_another_store_is_caught(store, create, rows, commit):
    """Its checksum is right, its content is not."""
    other = create("other.zarr")
    commit(other, rows(10, seed=7))
    os.replace(other.path / "dt" / "c.0.0", store.path / "dt" / "c.0.0")
    with pytest.raises(StoreCorrupt, match="not those of their sha256"):
        TrajectoryStore.load(store.path)


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_chunk_that_is_continued_is_checked_first(store, rows, commit, damage):
    chunk = store.path / "time" / "c.2.0"
    chunk.write_bytes(damage) if damage else chunk.unlink()
    with pytest.raises(StoreCorrupt, match="time"):
        commit(store, rows(1))
    assert TrajectoryStore.read_only(store.path).commit.rows == 10


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"attributes": 3}', b"\xff", b"[" * 100_000]
)
def test_nonsense_in_the_root_document_is_one_sentence(store, text):
    (store.path / "zarr.json").write_bytes(text)
    with pytest.raises(StoreCorrupt, match=r"zarr\.json"):
        TrajectoryStore.read_only(store.path)


def test_another_schema_version_is_refused_by_both_versions(store):
    root = store.path / "zarr.json"
    root.write_bytes(root.read_bytes().replace(b'"schema_version": 1', b'"schema_version": 9'))
    with pytest.raises(SchemaMismatch, match="schema version 9, this program reads version 1"):
        TrajectoryStore.open(store.path)
