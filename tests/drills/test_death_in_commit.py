"""Death at any system call of a commit leaves the last commit or the next, never between."""

from __future__ import annotations

import shutil

from faults import Dying, commit_once, load

from aitimestepper.store.trajectory import TrajectoryStore
from tasks.session import opened


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
