"""Faults below the durable writes of the store, and what they left behind, verified."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from unittest import mock

from aitimestepper.store import checkpoints, durable
from aitimestepper.store.trajectory import TrajectoryStore
from tasks.session import opened

CALLS = ("open", "write", "fsync", "replace")
"""System calls of a durable write."""


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
