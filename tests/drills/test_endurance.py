"""A thousand epochs of one step: neither the time of an epoch nor the memory grows."""

from __future__ import annotations

import statistics

import psutil

from aitimestepper.settings import RunConfig
from tasks.session import opened

EPOCHS, PART = 1000, 100
GROWTH = 1.2


def test_time_and_memory_stay_flat(told, artifacts):
    """At the level of the session: commits, checkpoints and MLflow, without Prefect.

    One orbit, so that phase 2 sweeps over a thousand samples in the end, which is nothing beside
    the cost of two commits. Medians, because another process may take the processor.
    """
    assert artifacts.is_dir()
    config = RunConfig.model_validate(
        {
            "name": "long",
            "orbits": 1,
            "epochs": EPOCHS,
            "energy_threshold": 5e-2,
            "initial_conditions": {"eccentricity": (0.0, 0.0)},
            "network": {"hidden": (8,)},
            "generalize": {"batch_size": 16, "failing_size": 8, "min_iterations": 1},
        }
    )
    process, seconds, memory = psutil.Process(), [], []
    with opened(config) as session:
        for epoch in range(1, EPOCHS + 1):
            began = process.cpu_times()
            session.collect(epoch)
            session.generalize(epoch)
            ended = process.cpu_times()
            seconds.append(ended.user + ended.system - began.user - began.system)
            memory.append(process.memory_info().rss / 2**20)
    first, last = (statistics.mean(part) for part in (seconds[10 : PART + 10], seconds[-PART:]))
    small, large = (statistics.median(part) for part in (memory[10 : PART + 10], memory[-PART:]))
    told(
        "1,000 epochs of one step (session)",
        f"first 100 epochs {1000 * first:.0f} ms of processor each, last 100 {1000 * last:.0f} ms "
        f"({last / first:.2f}); memory {small:.0f} and {large:.0f} MiB ({large / small:.2f})",
    )
    assert last < GROWTH * first
    assert large < GROWTH * small
