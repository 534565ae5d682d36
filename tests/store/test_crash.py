"""Whatever ends a commit, the store is at the last commit or at the next."""

import errno
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

import pytest

import aitimestepper.store as package
from aitimestepper.store import durable, trajectory
from aitimestepper.store.errors import StoreError
from aitimestepper.store.trajectory import TrajectoryStore

KILLS = 12
CALLS = ("open", "write", "fsync", "replace")


class Died(BaseException):
    """The process ends here; no handler of the program runs."""


class Faults:
    """The `os` of the durable writes, which fails from one call on."""

    def __init__(self, first, error, calls=CALLS):
        self.first, self.error, self.calls = first, error, calls
        self.count, self.lock = 0, threading.Lock()

    def __getattr__(self, name):
        real = getattr(os, name)
        return self.failing(real) if name in self.calls else real

    def failing(self, real):
        def call(*given):
            with self.lock:
                self.count += 1
                late = self.first is not None and self.count > self.first
            if late:
                raise self.error
            return real(*given)

        return call


@contextmanager
def faults(first, error, calls=CALLS):
    """Let the system calls of the durable writes fail from number `first` on."""
    fault = Faults(first, error, calls)
    with mock.patch.object(durable, "os", fault):
        yield fault


@pytest.fixture
def store(create, rows, commit, request):
    """Six steps committed, the second chunk half full."""
    request.getfixturevalue("small_chunks")
    store = create()
    commit(store, rows(6))
    return store


def test_death_at_any_system_call_leaves_the_last_or_the_next_commit(
    store, rows, commit, bits, tmp_path
):
    copy = shutil.copytree(store.path, tmp_path / "copy.zarr")
    with faults(None, None) as counted:
        commit(TrajectoryStore.open(copy), rows(4, seed=1))
    seen, total = set(), counted.count
    for first in (*range(0, total, 4), total - 1, total):
        path = shutil.copytree(store.path, tmp_path / f"{first}.zarr")
        victim = TrajectoryStore.open(path)
        with faults(first, Died()), suppress(Died):
            commit(victim, rows(4, seed=1), 1)
        again = TrajectoryStore.open(path)
        seen.add(again.last.rows)
        if again.last == store.last:
            commit(again, rows(4, seed=1), 1)
        recorded = TrajectoryStore.load(path)
        assert recorded.commit.epoch == 1
        assert bits(recorded.rows.take(slice(6)), rows(6))
        assert bits(recorded.rows.take(slice(6, None)), rows(4, seed=1))
    assert seen == {6, 10}


class Journal:
    """The `os` of the durable writes, which notes what reaches the disk, in order."""

    def __init__(self):
        self.events = []

    def __getattr__(self, name):
        return getattr(os, name)

    def fsync(self, descriptor):
        os.fsync(descriptor)
        self.events.append(("fsync", Path(os.readlink(f"/proc/self/fd/{descriptor}"))))

    def replace(self, source, target):
        os.replace(source, target)
        self.events.append(("replace", Path(source), Path(target)))


def test_all_that_a_commit_refers_to_is_on_the_disk_before_it(store, rows, commit):
    """What power loss can take is what was written or renamed without a later fsync."""
    with mock.patch.object(durable, "os", Journal()) as journal:
        commit(store, rows(4, seed=1), 1)
    events = journal.events
    root = next(i for i, event in enumerate(events) if event[-1] == store.path / "zarr.json")
    renames = [(i, *event[1:]) for i, event in enumerate(events) if event[0] == "replace"]
    assert len(renames) == 8 * 3 + 1
    for i, source, target in renames:
        assert ("fsync", source) in events[:i]
        assert ("fsync", target.parent) in (events[i:] if i == root else events[i:root])


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.ENOSPC, "no space left; still at 6 rows; free space and type the same command"),
        (errno.EDQUOT, "quota is used up; still at 6 rows; free space"),
        (errno.EROFS, "read-only; still at 6 rows; make it writable"),
        (errno.EIO, "still at 6 rows; mend that"),
    ],
)
@pytest.mark.parametrize("first", [0, 9, 24])
def test_a_full_or_read_only_disk_loses_nothing(store, rows, commit, bits, code, text, first):
    error = OSError(code, os.strerror(code))
    with pytest.raises(StoreError, match=text) as caught, faults(first, error, ("write",)):
        commit(store, rows(4, seed=1), 1)
    assert str(caught.value).startswith(f"{store.path}: ")
    assert TrajectoryStore.read_only(store.path).commit.rows == 6
    with pytest.raises(StoreError, match="a commit failed"):
        commit(store, rows(4, seed=1), 1)
    again = TrajectoryStore.open(store.path)
    commit(again, rows(4, seed=1), 1)
    assert bits(TrajectoryStore.load(store.path).rows.take(slice(6, None)), rows(4, seed=1))


def test_a_commit_that_cannot_be_confirmed_says_so(store, rows, commit):
    with faults(None, None, ("fsync",)) as counted:
        commit(store, rows(4), 1)
    with (
        pytest.raises(StoreError, match="still at 10 rows, or one commit further"),
        faults(counted.count - 1, OSError(errno.EIO, "Input/output error"), ("fsync",)),
    ):
        store.commit(rows(4), epoch=2, phase="collect", checkpoint="", checkpoint_sha256="")


def test_a_store_that_cannot_be_made_leaves_no_half_of_it(create):
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StoreError, match="no space left"), faults(5, full, ("write",)):
        create("full.zarr")
    assert create("full.zarr").last.rows == 0


def test_uncommitted_rows_are_invisible_and_then_cut(store, rows, commit):
    before = {file: file.read_bytes() for file in store.path.glob("*/zarr.json")}
    with mock.patch.object(trajectory, "write_file", side_effect=Died), pytest.raises(Died):
        commit(store, rows(20, seed=1), 1)
    assert list((store.path / "time").glob("c.5.*"))
    assert TrajectoryStore.load(store.path).rows.steps == 6
    TrajectoryStore.open(store.path)
    assert {file: file.read_bytes() for file in before} == before
    assert sorted(file.name for file in (store.path / "time").glob("c.*")) == ["c.0.0", "c.1.0"]
    assert list(store.path.rglob(".*.partial")) == []


def test_a_second_writer_is_refused_before_it_writes(store, rows, commit):
    late = TrajectoryStore.open(store.path)
    commit(store, rows(2, seed=1), 1)
    with pytest.raises(StoreError, match="another process has committed"):
        commit(late, rows(2, seed=2), 1)
    assert TrajectoryStore.load(store.path).commit == store.last


def test_a_reader_beside_a_writer_never_sees_half_a_commit(store, rows, commit):
    writing = threading.Thread(
        target=lambda: [commit(store, rows(3, seed=s), s) for s in range(1, 25)]
    )
    writing.start()
    seen = []
    while writing.is_alive():
        seen.append(TrajectoryStore.load(store.path).rows.steps)
    writing.join()
    assert len(set(seen)) > 3
    assert seen == sorted(seen)
    assert {steps % 3 for steps in seen} == {0}


WRITER = """
import os, sys
sys.path.insert(0, sys.argv[2])
from conftest import commit_rows, make_rows
from aitimestepper.store.trajectory import TrajectoryStore

for _ in sys.stdin:
    if not (child := os.fork()):
        store = TrajectoryStore.open(sys.argv[1])
        while True:
            epoch = store.last.epoch + 1
            commit_rows(store, make_rows(3, seed=epoch), epoch)
            os.write(1, b"%d\\n" % os.getpid())
    os.waitpid(child, 0)
    print("dead", flush=True)
"""
"""Starts a writer per line of its input, which says who it is after every commit.

Forked, because importing takes longer than writing.
"""


def test_kill_9_loses_no_commit_and_doubles_none(create, rows, bits):
    store = create()
    environment = {**os.environ, "PYTHONPATH": str(Path(package.__path__[0]).parents[1])}
    command = [sys.executable, "-c", WRITER, str(store.path), str(Path(__file__).parent)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        assert nursery.stdout
        random.seed(1)
        for _ in range(KILLS):
            print(file=nursery.stdin, flush=True)  # noqa: T201
            child = int(nursery.stdout.readline())
            time.sleep(random.uniform(0, 0.15))
            os.kill(child, 9)
            while nursery.stdout.readline() != "dead\n":
                pass
            TrajectoryStore.load(store.path)
    recorded = TrajectoryStore.load(store.path)
    assert recorded.commit.epoch >= KILLS - 1
    assert recorded.rows.steps == 3 * (recorded.commit.epoch + 1)
    for epoch in range(recorded.commit.epoch + 1):
        part = recorded.rows.take(slice(3 * epoch, 3 * epoch + 3))
        assert bits(part, rows(3, seed=epoch))
