"""Speed of training, as ratios to the original's loop measured in the same run.

    python benchmarks/training_speed.py [--seconds 10] [--rows 1000000]

Prints one line for each measure with its target. The two loops take turns on the same threads.
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
    base = _rate(original.collect_one, seconds)
    yield Measure("original: accepted transitions per second", f"{base:.0f}", "-")
    theirs = _rate(lambda: original.minibatch(32), seconds) * 32
    yield Measure("original: samples per second of phase 2", f"{theirs:.0f}", "-")
    same = NetworkSection(hidden=HIDDEN, activation="tanh")
    one = _collecting(RunConfig(orbits=1, network=same), seconds)
    yield Measure("same network, 1 orbit", f"{one:.0f} = {one / base:.1f} x", ">= 2 x")
    one = _collecting(RunConfig(orbits=1, network=same, compile=True), seconds)
    yield Measure("the same, compiled (--compile)", f"{one:.0f} = {one / base:.1f} x", ">= 2 x")
    many = _collecting(RunConfig(orbits=64), seconds)
    yield Measure("64 orbits, default network", f"{many:.0f} = {many / base:.0f} x", ">= 200 x")
    fast = _collecting(RunConfig(orbits=64, compile=True), seconds)
    yield Measure("the same, compiled", f"{fast:.0f} = {fast / base:.0f} x", ">= 200 x")
    more = _collecting(RunConfig(orbits=1024), seconds)
    yield Measure("1,024 orbits, default network", f"{more:.0f} = {more / base:.0f} x", "-")
    ours = _generalizing(RunConfig(orbits=64), seconds)
    yield Measure(
        "samples per second of phase 2", f"{ours:.0f} = {ours / theirs:.0f} x", ">= 200 x"
    )
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


def _rate(call: Callable[[], object], seconds: float) -> float:
    """Calls per second, the first few apart."""
    for _ in range(3):
        call()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        call()
        count += 1
    return count / (time.perf_counter() - begin)


def _collecting(config: RunConfig, seconds: float) -> float:
    """Accepted transitions per second of phase 1."""
    training = build(config)

    def call() -> None:
        for _ in collect(training, steps=_STEPS):
            pass

    return _rate(call, seconds) * _STEPS * config.orbits


def _recorded(training: Training) -> Recorded:
    recorded = Recorded()
    for event in collect(training, steps=_STEPS):
        if isinstance(event, Transition):
            recorded.append(event.samples)
    return recorded


def _generalizing(config: RunConfig, seconds: float) -> float:
    """Samples per second that updates of phase 2 take in, sweeps included."""
    training = build(config)
    recorded, options = _recorded(training), config.generalize.model_dump()
    options["min_iterations"] = 10**9
    before, samples, begin = 0, 0, time.perf_counter()
    for sweep in generalize(training, recorded, **options):
        drawn = options["batch_size"] + (options["failing_size"] if sweep.failing else 0)
        samples += (sweep.iterations - before) * drawn
        before = sweep.iterations
        if time.perf_counter() - begin > seconds:
            break
    return samples / (time.perf_counter() - begin)


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
