"""What kills, power loss and flipped bits leave of data, checkpoint and metadata."""

from __future__ import annotations

import os
import random
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from unittest import mock

import pytest

from aitimestepper.settings import RunConfig
from aitimestepper.store import checkpoints, durable
from aitimestepper.store.errors import StoreError
from aitimestepper.store.trajectory import TrajectoryStore
from flows.cli_status import status
from tasks.session import opened

CALLS = ("open", "write", "fsync", "replace")
FLIPS, LOSSES = 300, 30


@pytest.fixture
def config(artifacts):
    """A run "x" of one epoch, in a folder "run"."""
    config = RunConfig.model_validate(
        {
            "name": "x",
            "orbits": 2,
            "energy_threshold": 5e-2,
            "initial_conditions": {"eccentricity": (0.0, 0.1)},
            "network": {"hidden": (8,)},
            "generalize": {"sweep_every": 5, "min_iterations": 5},
        }
    )
    with opened(config) as session:
        session.collect(1)
        session.generalize(1)
    assert (artifacts / "runs" / "x").is_dir()
    return config


def load(run):
    """The commit and the weights of a run, all of it verified; the identity of its data."""
    recorded = TrajectoryStore.load(run / "trajectory.zarr")
    commit = recorded.commit
    state = checkpoints.read(run / "checkpoints" / commit.checkpoint, commit.checkpoint_sha256)
    return (commit.epoch, commit.phase, recorded.identity, commit.checkpoint_sha256, len(state))


class Died(BaseException):
    """The process ends here; no handler of the program runs."""


class Dying:
    """The `os` of the durable writes, in which the process dies at one call."""

    def __init__(self, first):
        self.first, self.count, self.lock = first, 0, threading.Lock()

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*given):
            with self.lock:
                self.count += 1
                if self.first is not None and self.count > self.first:
                    raise Died
            return real(*given)

        return call


def commit_once(config, system):
    """Phase 1 of epoch 2 with another `os` below its writes."""
    with opened(config) as session:
        with mock.patch.object(durable, "os", system), suppress(Died):
            session.collect(2)
        return session.run.run_id


def test_death_at_every_system_call_of_a_commit(config, artifacts, told, tmp_path):
    run = artifacts / "runs" / "x"
    shutil.copytree(run, tmp_path / "before")
    last = load(run)
    counted = Dying(None)
    commit_once(config, counted)
    seen = {last[:2]: 0, load(run)[:2]: 0}
    for first in range(counted.count):
        shutil.rmtree(run)
        shutil.copytree(tmp_path / "before", run)
        commit_once(config, Dying(first))
        seen[load(run)[:2]] += 1
        with opened(config) as session:
            session.collect(2)
            assert session.store.last.rows == 2
            assert len(TrajectoryStore.load(session.store.path).rows.time) == 2
    assert seen[last[:2]] > 0
    assert sum(seen.values()) == counted.count > 30
    told(
        "death at every system call of a commit",
        f"{counted.count} calls (data, checkpoint, metadata): {seen[last[:2]]} at the last "
        f"commit, {counted.count - seen[last[:2]]} at the next, 0 between; each went on",
    )


class Disk:
    """The `os` of the durable writes over a disk that keeps only what was synced.

    Keeps the content of files as of their last fsync, and the names in folders as of the folder's
    last fsync; what came later may or may not have reached the disk when the power goes.

    Arguments:
        honest: Whether fsync does anything; without, the control.
    """

    def __init__(self, honest=True):
        self.honest, self.lock = honest, threading.Lock()
        self.unsynced, self.renamed = {}, []

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, descriptor, data):
        with self.lock:
            self.unsynced[named(descriptor)] = True
        return os.write(descriptor, data)

    def fsync(self, descriptor):
        os.fsync(descriptor)
        path = named(descriptor)
        with self.lock:
            if self.honest and path.is_dir():
                self.renamed = [entry for entry in self.renamed if entry[1].parent != path]
            elif self.honest:
                self.unsynced.pop(path, None)

    def replace(self, source, target):
        source, target = Path(source), Path(target)
        old = target.read_bytes() if target.exists() else None
        os.replace(source, target)
        with self.lock:
            self.unsynced[target] = self.unsynced.pop(source, False)
            self.renamed.append((old, target))

    def lose_power(self, chance):
        """Undo a random part of the renames without a later sync, empty unsynced files."""
        for path, dirty in self.unsynced.items():
            if dirty and path.exists() and chance.random() < 0.5:
                path.write_bytes(path.read_bytes()[: chance.randrange(2) * 7])
        for old, path in reversed(self.renamed):
            if chance.random() < 0.5:
                path.unlink(missing_ok=True) if old is None else path.write_bytes(old)


def named(descriptor):
    """The path of an open file."""
    return Path(os.readlink(f"/proc/self/fd/{descriptor}"))


class Outage(Disk):
    """A disk whose power goes at one of the calls."""

    def __init__(self, honest, first):
        super().__init__(honest)
        self.first, self.count = first, 0

    def __getattribute__(self, name):
        if name in CALLS:
            with object.__getattribute__(self, "lock"):
                self.count += 1
                if self.first is not None and self.count > self.first:
                    raise Died
        return super().__getattribute__(name)


def lose(config, run, before, honest, chance, calls):
    """One power loss during a commit or right after it: whether last or next commit is whole."""
    shutil.rmtree(run)
    shutil.copytree(before, run)
    last = load(run)
    disk = Outage(honest, chance.randrange(calls // 2, calls + 1))
    with opened(config) as session:
        with mock.patch.object(durable, "os", disk), suppress(Died):
            session.collect(2)
        kept = [path for path in before.glob("checkpoints/*.pt")]
    for path in kept:  # a removal without a sync may come back
        if not (run / "checkpoints" / path.name).exists() and chance.random() < 0.5:
            shutil.copy(path, run / "checkpoints")
    disk.lose_power(chance)
    try:
        found = load(run)
    except StoreError:
        return "lost"
    return "last" if found == last else "next" if found[:2] == (2, "collect") else "lost"


def test_power_loss_during_a_commit(config, artifacts, told, tmp_path):
    run, before = artifacts / "runs" / "x", tmp_path / "before"
    shutil.copytree(run, before)
    counted = Dying(None)
    commit_once(config, counted)
    chance, outcomes = random.Random(0), {}
    for honest in (True, False):
        found = [lose(config, run, before, honest, chance, counted.count) for _ in range(LOSSES)]
        outcomes[honest] = {kind: found.count(kind) for kind in ("last", "next", "lost")}
    assert outcomes[True]["lost"] == 0
    assert outcomes[True]["next"] > 0
    assert outcomes[False]["lost"] > LOSSES / 2, outcomes
    told(
        "simulated power loss, unsynced writes dropped",
        f"{LOSSES} losses: {outcomes[True]['last']} at the last commit, {outcomes[True]['next']} "
        f"at the next, 0 between; control without fsync: {outcomes[False]['lost']} of {LOSSES} "
        "unreadable",
    )


@pytest.mark.usefixtures("config")
def test_flipped_bits(artifacts, told):
    run = artifacts / "runs" / "x"
    before, chance = load(run), random.Random(0)
    wanted = status("x")
    files = [
        path for part in ("trajectory.zarr", "checkpoints") for path in (run / part).rglob("*")
    ]
    files = [path for path in files if path.is_file()]
    refused = harmless = 0
    for number in range(FLIPS):
        file = files[number % len(files)]
        data = bytearray(file.read_bytes())
        where = chance.randrange(8 * len(data))
        file.write_bytes(
            data[: where // 8] + bytes([data[where // 8] ^ 1 << where % 8]) + data[where // 8 + 1 :]
        )
        try:
            assert (load(run), status("x")) == (before, wanted), file
            harmless += 1
        except StoreError as error:
            assert str(run) in str(error)  # noqa: PT017
            refused += 1
        file.write_bytes(data)
    told(
        "one flipped bit in a committed file",
        f"{FLIPS} flips over {len(files)} files: {refused} refused, {harmless} changed nothing, "
        "0 wrong numbers",
    )
    assert load(run) == before


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
