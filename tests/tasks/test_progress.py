"""Progress of a phase lets the other threads of the process have their turn."""

from __future__ import annotations

import time

from tasks import progress
from tasks.progress import watched
from tasks.reports import PhaseProgress


def test_phase_that_never_waits_still_lets_a_heartbeat_through(monkeypatch):
    turns = []
    monkeypatch.setattr(progress.time, "sleep", turns.append)
    told = PhaseProgress(epoch=1, phase="generalize", percent=10, text="busy")
    with watched("alone") as show:
        began = time.monotonic()
        while time.monotonic() < began + 0.5:
            show(told)
    assert 1 <= len(turns) <= 6
    assert all(turns)
