"""A thousand epochs of one step: neither the time of an epoch nor the memory grows."""

from __future__ import annotations

import statistics

import psutil

from aitimestepper.settings import RunConfig
from tasks.session import Session, opened

EPOCHS, PART = 1000, 100
GROWTH = 1.2


def test_time_and_memory_stay_flat(told, artifacts):
    """Commits, checkpoints and metrics as in flow `epoch`, without Prefect.

    The machine is not as fast at the end as it was at the start when others use it, so the last
    hundred epochs take turns with the first hundred of a second run. One orbit, so that phase 2
    sweeps over a thousand samples in the end, which is nothing beside the cost of two commits.
    """
    assert artifacts.is_dir()
    process, memory = psutil.Process(), []
    with opened(_config("long")) as long, opened(_config("fresh")) as fresh:
        for epoch in range(1, EPOCHS - PART + 1):
            _processor_time(long, epoch)
            memory.append(process.memory_info().rss / 2**20)
        first, last = [], []
        for epoch in range(1, PART + 1):
            first.append(_processor_time(fresh, epoch))
            last.append(_processor_time(long, EPOCHS - PART + epoch))
            memory.append(process.memory_info().rss / 2**20)
    begun, ended = statistics.mean(first), statistics.mean(last)
    small, large = (statistics.median(part) for part in (memory[10 : PART + 10], memory[-PART:]))
    told(
        "1,000 epochs of one step (session)",
        f"first 100 epochs {1000 * begun:.0f} ms of processor each, last 100 {1000 * ended:.0f} ms "
        f"({ended / begun:.2f}); memory {small:.0f} and {large:.0f} MiB ({large / small:.2f})",
    )
    assert ended < GROWTH * begun
    assert large < GROWTH * small


def _config(name: str) -> RunConfig:
    return RunConfig.model_validate(
        {
            "name": name,
            "orbits": 1,
            "epochs": EPOCHS,
            "energy_threshold": 5e-2,
            "initial_conditions": {"eccentricity": (0.0, 0.0)},
            "network": {"hidden": (8,)},
            "generalize": {"batch_size": 16, "failing_size": 8, "min_iterations": 1},
        }
    )


def _processor_time(session: Session, epoch: int) -> float:
    """Seconds that one epoch takes."""
    began = psutil.Process().cpu_times()
    session.collect(epoch)
    session.generalize(epoch)
    session.delivery.deliver()
    ended = psutil.Process().cpu_times()
    return ended.user + ended.system - began.user - began.system
