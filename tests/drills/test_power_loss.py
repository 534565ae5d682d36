"""Power loss leaves the last commit or the next, whatever of the unsynced writes arrived."""

from __future__ import annotations

import os
import random
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from unittest import mock

from faults import CALLS, Died, Dying, commit_once, load

from aitimestepper.store import durable
from aitimestepper.store.errors import StoreError
from tasks.session import opened

LOSSES = 30


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
