"""Ten thousand three-body systems with a learned step: system-steps a second, and memory.

    python benchmarks/ensemble.py [--systems 10000] [--steps 100] [--threads 2]

Side by side in one run: the learned step (64-64, inference included), the free-fall step, the bare
leapfrog with a fixed step, and the learned step without pieces. Nothing is judged; the energy
error of every step is measured.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from typing import Any, NamedTuple

import torch

from aitimestepper.build import model_of
from aitimestepper.model.rules import Fixed, FreeFall
from aitimestepper.model.timestep import TimeStep
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.state import System, join
from aitimestepper.settings import RunConfig
from aitimestepper.simulation.cases import scattering
from aitimestepper.simulation.ensemble import simulate_ensemble
from aitimestepper.simulation.run import simulate
from aitimestepper.sources import step_of

GATE = Gate(Gravity(), 2e-4)


def systems(count: int) -> System:
    """Members of the scattering family; a hundred of them over and over."""
    first = join([scattering(1000 + i) for i in range(100)])
    return first.repeat(-(-count // 100))[:count]


class Speed(NamedTuple):
    """How fast a run was."""

    wall: float
    """System-steps a second."""
    cpu: float
    """System-steps a second of processor time: what a busy machine does not change."""


def speed(run: Any, system: System, rule: TimeStep, steps: int) -> Speed:
    """Time one run."""
    endless = torch.full_like(system.time, torch.inf)
    options = {"until": endless, "max_steps": steps, "judge": False}
    begin, cpu = time.perf_counter(), time.process_time()
    outcome, _ = run(system, rule, GATE, **options)
    taken = int(outcome.steps.sum())
    return Speed(taken / (time.perf_counter() - begin), taken / (time.process_time() - cpu))


def peak() -> float:
    """Most memory that this process has held so far [MiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    system = systems(given.systems)
    model = model_of(RunConfig(), 3).requires_grad_(False)
    model.normalise(system)
    learned = step_of(model)
    runs = {
        "learned": (simulate_ensemble, learned, given.steps),
        "learned, ten times as many steps": (simulate_ensemble, learned, 10 * given.steps),
        "free fall": (simulate_ensemble, FreeFall(0.03, GATE.field), given.steps),
        "fixed": (simulate_ensemble, Fixed(1e-3), given.steps),
        "learned, in one piece": (simulate, learned, given.steps // 4),
    }
    first = None
    for name, (run, rule, steps) in runs.items():
        rate = speed(run, system, rule, steps)
        first = first or rate.cpu
        sys.stdout.write(
            f"{name:<33} {rate.wall:9.3g} system-steps/s, {rate.cpu:9.3g} a CPU second "
            f"({rate.cpu / first:4.2f} x), peak {peak():5.0f} MiB\n"
        )


if __name__ == "__main__":
    main()
