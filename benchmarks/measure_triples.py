"""What a learned step does on systems of three bodies that it was never trained on.

Whatever is tuned (the rival's eta, the factor of the symmetric scheme) is tuned on one draw and
reported on another, but for the rival's eta of each system, which is the best there is for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

import aitimestepper as ats
from aitimestepper.model.rules import FreeFall
from aitimestepper.model.scaled import Scaled
from aitimestepper.model.timestep import TimeStep
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.initial_conditions import Sampler, Uniform
from aitimestepper.physics.initial_conditions.groups import crossing_time
from aitimestepper.physics.state import System, join
from aitimestepper.simulation.blocks import Status
from aitimestepper.simulation.cases import load_cases, pick, scattering
from aitimestepper.simulation.outcome import Outcome
from aitimestepper.simulation.run import simulate
from aitimestepper.simulation.schemes import Symmetric

_TUNED, _REPORTED = 31_000, 32_000
"""Seeds of the two draws of random triples."""
_FAMILY_TUNED, _FAMILY_REPORTED = 5_000, 1_000
"""First members of the scattering family of the two draws."""
_ETAS = [0.0125 * 2 ** (k / 2) for k in range(7)]
_CROSSINGS = 3.0
_FIRST = 2_000
"""Steps of a run that count. What comes later is the work of a few tight binaries, whose energy
has drifted by tens of per cent under plain leapfrog: no longer the systems that were drawn."""
_GUARDED = 600
"""Steps of a guarded run that count; the rival is followed to the time that they reach."""
_RIVALS = 4 * _GUARDED
"""Steps of a rival that count; one that needs more looks cheaper than it is, to its advantage."""
_BUDGET = 6_000
_MOST = 12_000
"""Steps after which a run of the symmetric scheme is cut short; such a system counts as lost."""


class Guarded(NamedTuple):
    """The step beside free fall under the same guard."""

    rejected: float
    """Refused tries over evaluations."""
    one_eta: float
    """Evaluations over those of the best free-fall rule with one eta for all systems."""
    each_eta: float
    """The same with the best eta of each system."""


class Long(NamedTuple):
    """A rule in the symmetric scheme on the scattering family."""

    rule: str
    evaluations: float
    """Median."""
    error: float
    """Median of the relative energy error at the end."""
    largest: float
    """Median of the largest error of the run."""
    above: float
    """Share of systems that end above 1e-4, or were cut short."""


class TripleFigures(NamedTuple):
    """Everything that the page says of one model."""

    threshold: float
    violations: dict[str, tuple[int, int, float]]
    """Violations, steps and worst step over threshold, by the kind of systems."""
    whole: tuple[int, int, float] | None
    """The same for random triples whose runs are followed to the end."""
    guarded: dict[str, Guarded]
    away: list[tuple[float, float]]
    """Virial ratio and share of steps in violation."""


@torch.no_grad()
def measure(name: str, *, steps: int, whole: bool = False) -> TripleFigures:
    """Follow unseen triples with the step of a run and with its rival.

    Arguments:
        name: Of the run.
        steps: Steps without guard of each kind of systems, at least.
        whole: Follow random triples to the end too, which takes minutes.
    """
    step = ats.load(name)
    gate = step.gate
    kinds = {
        "random bound triples": (_random(50, _TUNED), _random(100, _REPORTED)),
        "scattering family": (_family(50, _FAMILY_TUNED), _family(100, _FAMILY_REPORTED)),
    }
    return TripleFigures(
        threshold=gate.threshold,
        violations={
            "random bound triples": _free(step, gate, steps, lambda k: _random(500, 40_000 + k)),
            "scattering family": _free(step, gate, steps, lambda k: _family(500, 1_000 + 500 * k)),
        },
        whole=_free(step, gate, 1, lambda k: _random(300, 40_000 + k), _MOST) if whole else None,
        guarded={kind: _guarded(step, gate, *draws) for kind, draws in kinds.items()},
        away=_away(step, gate),
    )


_RATIOS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98)


def _random(count: int, seed: int, ratio: tuple[float, float] = (0.05, 0.9)) -> System:
    sampler: Sampler = Uniform(virial_ratio=ratio)
    generator = torch.Generator().manual_seed(seed)
    return sampler.draw(sampler.masses(count, generator), generator).system


def _family(count: int, first: int) -> System:
    return join([scattering(seed) for seed in range(first, first + count)])


def _end(system: System) -> Tensor:
    return _CROSSINGS * crossing_time(system)


def _free(
    step: TimeStep, gate: Gate, steps: int, some: Callable[[int], System], most: int = _FIRST
) -> tuple[int, int, float]:
    """Violations, steps and the worst step, over ever new systems until they add up."""
    violations, taken, worst, draws = 0, 0, 0.0, 0
    while taken < steps:
        system = some(draws)
        run, _ = simulate(system, step, gate, until=_end(system), max_steps=most)
        assert run.violations is not None
        assert run.worst_step is not None
        violations += int(run.violations.sum())
        taken, draws = taken + int(run.steps.sum()), draws + 1
        worst = max(worst, run.worst_step.max().item() / gate.threshold)
    return violations, taken, worst


def _guarded(step: TimeStep, gate: Gate, tuned: System, reported: System) -> Guarded:
    best = _costs(step, gate, tuned)[1].sum(1).argmin()
    ours, rivals = _costs(step, gate, reported)
    total = ours.evaluations.sum()
    return Guarded(
        (ours.rejected.sum() / total).item(),
        (total / rivals[best].sum()).item(),
        (total / rivals.amin(0).sum()).item(),
    )


def _costs(step: TimeStep, gate: Gate, system: System) -> tuple[Outcome, Tensor]:
    """Our guarded run, and the evaluations of every rival over the very same times."""
    options: dict[str, Any] = {"guard": True, "judge": False}
    ours, _ = simulate(system, step, gate, until=_end(system), max_steps=_GUARDED, **options)
    eta = torch.tensor(_ETAS, dtype=torch.float64).repeat_interleave(len(system))
    rivals, _ = simulate(
        system.repeat(len(_ETAS)),
        FreeFall(eta, gate.field),
        gate,
        until=ours.end.time.repeat(len(_ETAS)),
        max_steps=_RIVALS,
        **options,
    )
    return ours, rivals.evaluations.view(len(_ETAS), -1)


@torch.no_grad()
def measure_long(name: str) -> Iterator[Long]:
    """Both rules in the symmetric scheme, as long as the budget allows on the tuning draw.

    Both take the steps of the integrator that the rule was trained for.
    """
    step = ats.load(name)
    gate = step.gate
    horizon = pick(load_cases(), "scattering-family").span
    for label, rule in {name: step, "free fall": FreeFall(0.05, gate.field)}.items():
        factor = 0.5
        for _ in range(4):
            tried = _symmetric(Scaled(rule, factor), gate, _family(51, _FAMILY_TUNED), horizon)
            factor *= tried.evaluations.double().quantile(0.5).item() / (0.98 * _BUDGET)
        run = _symmetric(Scaled(rule, factor), gate, _family(200, _FAMILY_REPORTED), horizon)
        lost = run.status != Status.DONE
        error = torch.where(lost, torch.inf, run.energy_error_final.abs())
        yield Long(
            f"{label} x {factor:.3g}",
            run.evaluations.double().quantile(0.5).item(),
            error.quantile(0.5).item(),
            run.energy_error_max.quantile(0.5).item(),
            (~(error <= 1e-4)).double().mean().item(),
        )


def _symmetric(rule: TimeStep, gate: Gate, system: System, horizon: float) -> Outcome:
    until = system.time + horizon
    options: dict[str, Any] = {"max_steps": _MOST, "scheme": Symmetric(), "judge": False}
    return simulate(system, rule, gate, until=until, **options)[0]


def _away(step: TimeStep, gate: Gate) -> list[tuple[float, float]]:
    """Virial ratios, and the share of steps in violation at each."""
    count = 100
    system = join([_random(count, 50_000, (ratio, ratio)) for ratio in _RATIOS])
    run, _ = simulate(system, step, gate, until=_end(system), max_steps=_FIRST)
    assert run.violations is not None
    share = run.violations.view(-1, count).sum(1) / run.steps.view(-1, count).sum(1)
    return list(zip(_RATIOS, share.tolist(), strict=True))


def draw(figures: TripleFigures, path: Path) -> None:
    """Violations against the virial ratio, the trained range marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*figures.away, strict=True), "s-", color="#0072B2", markersize=4)
    axes.axvspan(0.05, 0.9, color="#009E73", alpha=0.12, label="trained range")
    axes.axhline(1e-3, color="#D55E00", linewidth=0.8, label="target")
    axes.set_xlabel("virial ratio of the initial state")
    axes.set_ylabel("share of steps in violation")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
