"""Speed of training, as ratios to the original's loop measured in the same run.

    python benchmarks/training_speed.py [--seconds 10] [--rows 1000000]

Prints one line for each measure with its target. The two loops take turns of a
second on the same threads, since the speed of a machine changes from minute to minute.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import where_time_goes
from original_loop import HIDDEN, OriginalLoop

from aitimestepper.build import build, gate_of, model_of
from aitimestepper.physics.kepler import binary
from aitimestepper.physics.state import System, assemble, centre
from aitimestepper.settings import NetworkSection, RunConfig
from aitimestepper.training.collect import Transition, collect
from aitimestepper.training.generalize import generalize
from aitimestepper.training.recorded import Recorded
from aitimestepper.training.samples import prepare
from aitimestepper.training.trainer import Training

_STEPS = 64
_BATCH = 32
_COMPILED = "the same, compiled (--compile)"


Loop = Callable[[], int]
"""Does a piece of work and says how many transitions or samples it was."""


class Measure(NamedTuple):
    """One line of the table."""

    name: str
    value: str
    target: str


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="time for each loop")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the full sweep")
    given = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for measure in measures(given.seconds, given.rows):
        print(f"{measure.name:62s} {measure.value:>28s}   target {measure.target}", flush=True)


def measures(seconds: float, rows: int) -> Iterator[Measure]:
    """All lines, as they become known."""
    original = OriginalLoop(_one_orbit(), threshold=2e-4, start=0.05)
    same = NetworkSection(hidden=HIDDEN, activation="tanh")
    for name, config, target in (
        ("same network, 1 orbit", RunConfig(orbits=1, network=same), ">= 2 x"),
        (_COMPILED, RunConfig(orbits=1, network=same, compile=True), ">= 2 x"),
        ("64 orbits, default network", RunConfig(orbits=64), ">= 200 x"),
        (_COMPILED, RunConfig(orbits=64, compile=True), ">= 200 x"),
        ("1,024 orbits, default network", RunConfig(orbits=1024), "-"),
    ):
        told = _beside(original.collect_one, _collecting(config), seconds)
        yield Measure(f"transitions per second of phase 1, {name}", told, target)
    told = _beside(lambda: original.minibatch(_BATCH), _updating(RunConfig(orbits=64)), seconds)
    yield Measure("samples per second of phase 2, 64 orbits", told, ">= 200 x")
    yield from _sweeping(rows)
    spent = where_time_goes.shares(2 * seconds)
    outside = f"{100 * spent.outside:.0f} %, and {100 * spent.wrappers:.0f} % in torch's own Python"
    yield Measure("time outside torch, epoch of the demo", outside, "<= 10 %")


def _one_orbit() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A pair with e = 0.5, at apocentre."""
    number = torch.tensor([1.0], dtype=torch.float64)
    mass = torch.tensor([[0.5, 0.5]], dtype=torch.float64)
    system = binary(number, 0.5 * number, mass, mean_anomaly=torch.pi * number)
    return system.mass[0], system.position[0], system.velocity[0]


def _beside(theirs: Loop, ours: Loop, seconds: float) -> str:
    """Both rates and their ratio; the loops take turns of a second."""
    loops = (theirs, ours)
    for loop in loops * 3:
        loop()
    counts, spent = [0, 0], [0.0, 0.0]
    while spent[1] < seconds:
        for which, loop in enumerate(loops):
            begin = time.perf_counter()
            while (gone := time.perf_counter() - begin) < 1:
                counts[which] += loop()
            spent[which] += gone
    their_rate, our_rate = (count / gone for count, gone in zip(counts, spent, strict=True))
    return f"{our_rate:.0f}, original {their_rate:.0f}: {our_rate / their_rate:.3g} x"


def _collecting(config: RunConfig) -> Loop:
    """Accepted transitions of phase 1."""
    training = build(config)

    def loop() -> int:
        return sum(
            len(event.dt)
            for event in collect(training, steps=_STEPS)
            if isinstance(event, Transition)
        )

    return loop


def _updating(config: RunConfig) -> Loop:
    """Samples that updates of phase 2 take in, sweeps included."""
    training = build(config)
    options = config.generalize.model_dump() | {"min_iterations": 10**9}
    sweeps = generalize(training, where_time_goes.recorded(training, _STEPS), **options)
    before = next(sweeps)

    def loop() -> int:
        nonlocal before
        drawn = options["batch_size"] + (options["failing_size"] if before.failing else 0)
        after = next(sweeps)
        updates, before = after.iterations - before.iterations, after
        return updates * drawn

    return loop


def _sweeping(rows: int) -> Iterator[Measure]:
    """One full sweep over triples, and how it grows with their number."""
    few, many = (_sweep(count) for count in (rows // 4, rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    yield Measure(f"full sweep over {rows} rows, N = 3", f"{many:.2f} s", "<= 3 s per 1e6")
    yield Measure("the same over that of a quarter of them", f"{many / few:.2f} x", "<= 4 x")
    yield Measure("peak memory of this process", f"{peak:.2f} GiB", "< 2 GiB")


def _sweep(rows: int) -> float:
    training, recorded = _triples(rows)
    options = {**RunConfig().generalize.model_dump(), "min_iterations": 1}
    begin = time.perf_counter()
    next(generalize(training, recorded, **options))
    return time.perf_counter() - begin


def _triples(rows: int, piece: int = 50_000) -> tuple[Training, Recorded]:
    config = RunConfig(orbits=1)
    training, model, gate = build(config), model_of(config, 3), gate_of(config)
    model.normalise(_random_triples(4096, torch.Generator().manual_seed(0)))
    training = Training(
        model=model,
        optimiser=training.optimiser,
        orbits=training.orbits,
        generator=training.generator,
        gate=gate,
        loss=training.loss,
    )
    generator, recorded = torch.Generator().manual_seed(1), Recorded()
    for _ in range(rows // piece):
        system = _random_triples(piece, generator)
        recorded.append(prepare(gate.start(system), model.begin(system), model))
    return training, recorded


def _random_triples(count: int, generator: torch.Generator) -> System:
    mass = 0.1 + 0.9 * torch.rand(count, 3, generator=generator, dtype=torch.float64)
    x, v = (torch.randn(count, 3, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    return centre(assemble(mass, x, 0.1 * v))


if __name__ == "__main__":
    main()
