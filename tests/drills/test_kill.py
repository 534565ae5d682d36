"""However often a training is killed, the same command ends where it would have ended anyway."""

from __future__ import annotations

import random
import shutil
import time

import pytest
from commands import Runs, ended

EMBEDDED, KEPT = 20, 40
"""Lives that start a Prefect server of their own, and lives beside one that outlives them."""


class Killer:
    """Kills lives of one training at moments spread over starting, phase 1 and phase 2."""

    def __init__(self, runs, seed):
        self.runs, self.random = runs, random.Random(seed)
        self.first, self.phase = 1.0, 0.5  # seconds, as far as is known
        self.fell = {"starting": 0, "collect": 0, "generalize": 0}
        self.commits = 0

    def one_life(self):
        """Let it train for a random while, then kill -9."""
        before = self.runs.commit
        with ended(self.runs.start()) as process:
            self.runs.await_lock(process)
            began, commits = time.monotonic(), self.random.choice([0, 1, 1, 2, 2])
            if commits:
                self.runs.await_commits(1, process)
                self.first = time.monotonic() - began
                began = time.monotonic()
                self.runs.await_commits(commits - 1, process)
                self.phase = max(time.monotonic() - began, 0.3)
            time.sleep(self.random.uniform(0, self.phase if commits else self.first))
            assert process.poll() is None
        self.count(before)

    def count(self, before):
        """Which phase the kill interrupted, by the commit that was the last."""
        after = self.runs.commit
        place = "generalize" if after.phase == "collect" else "collect"
        self.fell["starting" if after == before else place] += 1
        self.commits += 2 * (after.epoch - before.epoch)
        self.commits += (after.phase == "generalize") - (before.phase == "generalize")


@pytest.mark.parametrize(
    ("server", "lives"), [("kept", KEPT), ("kept again", KEPT), ("embedded", EMBEDDED)]
)
@pytest.mark.timeout(3000)
def test_killed_training_ends_bit_identical_to_one_that_never_was(
    tmp_path, told, server, lives, request
):
    address = None if server == "embedded" else request.getfixturevalue("prefect_address")
    runs = Runs(tmp_path, **({"PREFECT_API_URL": address} if address else {}))
    assert runs.train("--epochs", 1)[0] == 0
    shutil.copytree(runs.artifacts, tmp_path / "snapshot")
    killer = Killer(runs, seed=server)
    for _ in range(lives):
        killer.one_life()
    last = runs.commit.epoch + 1
    code, _, err = runs.train("--epochs", last)
    assert code == 0, err
    killed = runs.result()
    shutil.rmtree(runs.artifacts)
    shutil.copytree(tmp_path / "snapshot", runs.artifacts)
    code, _, err = runs.train("--epochs", last)
    assert code == 0, err
    whole = runs.result()
    for what in whole:
        assert killed[what] == whole[what], what
    keys = [metric[:2] for metric in killed["metrics"]]
    assert len(keys) == len(set(keys)) > last
    fell = ", ".join(f"{count} in {phase}" for phase, count in killer.fell.items())
    told(
        f"kill -9 of the command, {server} server",
        f"{lives} kills ({fell}), {killer.commits} commits between them, {last} epochs, "
        f"{killed['stands'][2]} rows, {len(keys)} metrics: bit-identical",
    )
