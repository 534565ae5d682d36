"""One pair inside REBOUND's leapfrog: microseconds a step, inference included.

    python benchmarks/single_system.py [--steps 20000]

Side by side in one run: no callback, an empty one, the learned step as a NumPy function, and as a
PyTorch model; and the library's own simulation of one system, which is made for many.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rebound
import torch

from aitimestepper.build import model_of
from aitimestepper.export import to_numpy
from aitimestepper.integrations.rebound import attach
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.initial_conditions import KeplerOrbits
from aitimestepper.settings import RunConfig
from aitimestepper.simulation.cases import load_cases
from aitimestepper.simulation.run import simulate
from aitimestepper.sources import Step, step_of

PAIR = load_cases()["kepler-e0.5"].system


def simulation() -> Any:
    """The pair in REBOUND."""
    made = rebound.Simulation()
    made.integrator, made.dt = "leapfrog", 0.01
    for m, x, v in zip(PAIR.mass[0], PAIR.position[0], PAIR.velocity[0], strict=True):
        x, v = x.tolist(), v.tolist()
        made.add(m=m.item(), x=x[0], y=x[1], vx=v[0], vy=v[1])
    return made


def inside(prepare: Callable[[Any], None], steps: int) -> float:
    """Microseconds of processor time a step in REBOUND."""
    made = simulation()
    prepare(made)
    begin = time.process_time()
    made.steps(steps)
    return 1e6 * (time.process_time() - begin) / steps


def own(step: Any, steps: int) -> float:
    """Microseconds of processor time a step in `simulate`."""
    endless, gate = torch.full_like(PAIR.time, torch.inf), Gate(Gravity(), 2e-4)
    begin = time.process_time()
    simulate(PAIR, step, gate, until=endless, max_steps=steps, judge=False)
    return 1e6 * (time.process_time() - begin) / steps


def empty(made: Any) -> None:
    """A heartbeat that does nothing."""
    made.heartbeat = lambda _: None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    sampler, generator = KeplerOrbits(), torch.Generator().manual_seed(0)
    model = model_of(RunConfig(), 2).requires_grad_(False)
    model.normalise(sampler.draw(sampler.masses(1000, generator), generator).system)
    tensors = Step("untrained", step_of(model), Gate(Gravity(), 2e-4), 2, 2)
    arrays = to_numpy(tensors)
    bodies = tuple(t[0].numpy() for t in (PAIR.mass, PAIR.position, PAIR.velocity))
    assert np.isclose(arrays(*bodies), tensors(PAIR).item(), rtol=1e-12)
    taken = {
        "rebound, no callback": inside(lambda _: None, 10 * steps),
        "rebound, empty callback": inside(empty, steps),
        "rebound, learned step in NumPy": inside(
            lambda made: attach(made, arrays, dimensions=2, arrays=True), steps
        ),
        "rebound, learned step in PyTorch": inside(
            lambda made: attach(made, tensors, dimensions=2), steps // 20
        ),
        "own simulation of one system": own(tensors, steps // 20),
    }
    unit = taken["rebound, learned step in NumPy"]
    for name, microseconds in taken.items():
        sys.stdout.write(
            f"{name:<33} {microseconds:8.2f} us a step  {microseconds / unit:7.3f} x\n"
        )


if __name__ == "__main__":
    main()
