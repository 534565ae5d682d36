"""A reader beside a writer sees whole commits, each no older than the one before."""

from __future__ import annotations

import threading

import pytest

from aitimestepper.store.trajectory import TrajectoryStore


@pytest.mark.usefixtures("config")
def test_reader_beside_a_writer(artifacts, told):
    """Ten thousand reads, of the commit alone or of everything, while commits follow."""
    store = TrajectoryStore.open(artifacts / "runs" / "x" / "trajectory.zarr")
    rows, stop, written = store.rows_read, threading.Event(), [store.last.rows]

    def write():
        while not stop.is_set():
            epoch = store.last.epoch + 1
            store.commit(rows, epoch=epoch, phase="collect", checkpoint="", checkpoint_sha256="")
            written.append(store.last.rows)

    writer = threading.Thread(target=write)
    writer.start()
    heads, wholes = [], []
    try:
        for number in range(10_000):
            if number % 20:
                heads.append(TrajectoryStore.read_only(store.path).commit.rows)
            else:
                wholes.append(TrajectoryStore.load(store.path).rows.steps)
    finally:
        stop.set()
        writer.join()
    assert heads == sorted(heads)
    assert wholes == sorted(wholes)
    assert set(heads) | set(wholes) <= set(written)
    assert len(set(wholes)) > 10
    told(
        "reader beside a writer",
        f"10,000 reads ({len(wholes)} of all rows, verified) beside {len(written) - 1} commits: "
        "0 torn, 0 backwards",
    )
