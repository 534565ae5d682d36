"""What a learned step does on pairs that it was never trained on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

import aitimestepper as ats
from aitimestepper.model.rules import Oracle
from aitimestepper.model.timestep import TimeStep
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.initial_conditions import KeplerOrbits
from aitimestepper.physics.kepler import binary, elements, period
from aitimestepper.physics.state import System
from aitimestepper.simulation.evolve import Block
from aitimestepper.simulation.outcome import Outcome
from aitimestepper.simulation.run import simulate
from aitimestepper.simulation.tuning import SmallestEta, best_free_fall

_SEED = 21_000
_NEARLY_CIRCULAR = 0.07
_STARTS = 16
_OUTSIDE = (0.95, 0.96, 0.965, 0.97, 0.975, 0.98, 0.985, 0.99)


class Drawn(NamedTuple):
    """Pairs, and how long one period of each is."""

    system: System
    period: Tensor


class PairFigures(NamedTuple):
    """Everything that the page says of one model."""

    threshold: float
    periods: float
    eccentricity: Tensor
    over: Tensor
    """Steps over those of the oracle, over many periods."""
    everywhere: Tensor
    """The same with the steps of both summed over starts all along the orbit."""
    short: Tensor
    """The same over 3 periods, nearly circular orbits left out."""
    states: Tensor
    """Step of the oracle over ours, on states of the runs."""
    violations: int
    steps: int
    worst: float
    rival: Tensor
    """Steps over those of the best free-fall rule, 3 periods, without the nearly circular."""
    scaled: Tensor
    scaled_violations: int
    outside: list[tuple[float, float]]
    """Eccentricity and share of steps in violation."""


@torch.no_grad()
def measure(name: str, *, steps: int, periods: float) -> PairFigures:
    """Follow unseen pairs with the step of a run, with the oracle and with the rival.

    Arguments:
        name: Of the run.
        steps: Steps without guard, at least.
        periods: Length of the long runs.
    """
    step = ats.load(name)
    gate = step.gate
    many = _pairs(64, _SEED)
    over, _, _ = _ratio(step, many, gate, periods)
    short, ours, allowed = _ratio(step, many, gate, 3.0)
    shape = elements(many.system).eccentricity
    rival = best_free_fall(many.system, gate, 3 * many.period, allowed)
    rivals, _ = simulate(many.system, rival, gate, until=3 * many.period)
    free = _follow(step, gate, steps)
    scaled = _pairs(32, _SEED + 2, axis=(1e-3, 1e3), mass=(1e-6, 1e6))
    scaled_over, scaled_run, _ = _ratio(step, scaled, gate, 3.0)
    return PairFigures(
        threshold=gate.threshold,
        periods=periods,
        eccentricity=shape,
        over=over,
        everywhere=_from_everywhere(step, many, gate, periods),
        short=short[shape >= _NEARLY_CIRCULAR],
        states=_states(step, many, gate),
        violations=sum(_violations(run) for run in free),
        steps=sum(int(run.steps.sum()) for run in free),
        worst=max(_worst(run) for run in free) / gate.threshold,
        rival=(ours.steps / rivals.steps)[shape >= _NEARLY_CIRCULAR],
        scaled=scaled_over,
        scaled_violations=_violations(scaled_run),
        outside=[(e, _outside(step, gate, e)) for e in _OUTSIDE],
    )


def _pairs(
    count: int,
    seed: int,
    axis: tuple[float, float] = (0.5, 2.0),
    mass: tuple[float, float] = (1.0, 1.0),
) -> Drawn:
    """Pairs with e in 0..0.95; sizes and masses evenly in the logarithm."""
    generator = torch.Generator().manual_seed(seed)
    drawn = KeplerOrbits(eccentricity=(0.0, 0.95), semi_major_axis=(1.0, 1.0)).draw(
        torch.full((count, 2), 0.5, dtype=torch.float64), generator
    )
    length = _logarithmic(axis, count, generator)
    weight = torch.stack([_logarithmic(mass, count, generator) for _ in range(2)], -1)
    shape = elements(drawn.system)
    mean = shape.eccentric_anomaly - shape.eccentricity * shape.eccentric_anomaly.sin()
    system = binary(length, shape.eccentricity, weight, mean_anomaly=mean)
    return Drawn(system, period(length, weight))


def _logarithmic(limits: tuple[float, float], count: int, generator: torch.Generator) -> Tensor:
    low, high = (math.log(limit) for limit in limits)
    return (low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)).exp()


def _ratio(
    step: TimeStep, pairs: Drawn, gate: Gate, periods: float
) -> tuple[Tensor, Outcome, Tensor]:
    """Steps over those of the oracle, our run, and the smallest eta of the oracle."""
    until = periods * pairs.period
    smallest = SmallestEta(gate.field, until)
    oracle, _ = simulate(pairs.system, _oracle(gate), gate, until=until, watch=smallest)
    ours, _ = simulate(pairs.system, step, gate, until=until)
    return ours.steps / oracle.steps, ours, smallest.eta


def _from_everywhere(step: TimeStep, pairs: Drawn, gate: Gate, periods: float) -> Tensor:
    """Steps over those of the oracle, both from starts evenly in time along every orbit."""
    shape, count = elements(pairs.system), len(pairs.system)
    mean = torch.arange(_STARTS, dtype=torch.float64) * (2 * math.pi / _STARTS) - math.pi
    system = binary(
        shape.semi_major_axis.repeat(_STARTS),
        shape.eccentricity.repeat(_STARTS),
        pairs.system.mass.repeat(_STARTS, 1),
        mean_anomaly=mean.repeat_interleave(count),
    )
    until = periods * pairs.period.repeat(_STARTS)
    ours, oracle = (
        simulate(system, rule, gate, until=until)[0].steps.view(_STARTS, count).sum(0)
        for rule in (step, _oracle(gate))
    )
    return ours / oracle


def _oracle(gate: Gate) -> Oracle:
    """The oracle of the package, with a grid as dense that ends where no pair goes."""
    return Oracle(gate, eta_min=1e-3, grid=74, bisections=14)


def _states(step: TimeStep, pairs: Drawn, gate: Gate) -> Tensor:
    """Step of the oracle over ours at the states of a run with ours."""
    ratios = []

    def watch(block: Block, _: object) -> None:
        some = block.begin.system[::16]
        ratios.append(_oracle(gate)(some) / step(some))

    simulate(pairs.system, step, gate, until=pairs.period, watch=watch)
    return torch.cat(ratios)


def _follow(step: TimeStep, gate: Gate, steps: int) -> list[Outcome]:
    """Runs over 3 periods of ever new pairs, until they add up."""
    runs: list[Outcome] = []
    while sum(int(run.steps.sum()) for run in runs) < steps:
        pairs = _pairs(1000, _SEED + 100 + len(runs))
        runs.append(simulate(pairs.system, step, gate, until=3 * pairs.period)[0])
    return runs


def _outside(step: TimeStep, gate: Gate, eccentricity: float) -> float:
    """Share of steps in violation over 3 periods at one eccentricity."""
    e = torch.full((32,), eccentricity, dtype=torch.float64)
    mass = torch.full((32, 2), 0.5, dtype=torch.float64)
    mean = torch.linspace(-math.pi, math.pi, 33, dtype=torch.float64)[:-1]
    axis = torch.ones_like(e)
    system = binary(axis, e, mass, mean_anomaly=mean)
    run, _ = simulate(system, step, gate, until=3 * period(axis, mass))
    return _violations(run) / int(run.steps.sum())


def _violations(run: Outcome) -> int:
    assert run.violations is not None
    return int(run.violations.sum())


def _worst(run: Outcome) -> float:
    assert run.worst_step is not None
    return run.worst_step.max().item()


def draw(figures: PairFigures, path: Path) -> None:
    """Steps over oracle against eccentricity; violations against distance outside."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(figures.eccentricity, figures.over, "o", color="#0072B2", markersize=4)
    left.axhline(1.10, color="#D55E00", linewidth=0.8, label="target of the median")
    left.set_xlabel("eccentricity")
    left.set_ylabel(f"steps over oracle, {figures.periods:g} periods")
    left.legend(frameon=False)
    right.plot(*zip(*figures.outside, strict=True), "s-", color="#0072B2", markersize=4)
    right.axvline(0.96, color="#D55E00", linewidth=0.8, label="end of the trained range")
    right.set_xlabel("eccentricity")
    right.set_ylabel("share of steps in violation")
    right.legend(frameon=False)
    figure.savefig(path, dpi=120)
