"""Rows of the tables of docs/results.md: what was measured, its target, whether it is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import measure_long
import measure_pairs
import measure_triples
import torch

from aitimestepper.simulation.schemes import Reversible, Scheme, Symmetric

_TRIPLES = {"three-body-symmetric": "fourth order", "three-body": "leapfrog"}
"""Runs that are followed long, and the order of their steps."""
_JUDGED_TRIPLES = "three-body-symmetric"


class Line(NamedTuple):
    """One measure of a table."""

    measure: str
    result: str
    target: str
    reached: bool | None
    """None where there is no target."""


def table(lines: Iterator[Line]) -> str:
    """Lines as a table in Markdown."""
    words = {True: "yes", False: "no", None: ""}
    rows = [f"| {x.measure} | {x.result} | {x.target} | {words[x.reached]} |\n" for x in lines]
    return "| measure | result | target | reached |\n|---|---|---|---|\n" + "".join(rows)


def of_pairs(f: measure_pairs.PairFigures) -> Iterator[Line]:
    """What a model of pairs reaches."""
    median, worst = f.over.median().item(), f.over.max().item()
    yield Line(
        f"steps over oracle, {len(f.over)} orbits, e in 0..0.95, {f.periods:g} periods",
        f"{median:.3f} median, {worst:.3f} worst",
        "1.10, 1.15",
        median <= 1.10 and worst <= 1.15,
    )
    median, worst = f.everywhere.median().item(), f.everywhere.max().item()
    yield Line(
        "the same, steps of both summed over 16 starts along each orbit",
        f"{median:.3f} median, {worst:.3f} worst",
        "",
        None,
    )
    median, worst = f.short.median().item(), f.short.max().item()
    yield Line(
        "the same over 3 periods, e >= 0.07",
        f"{median:.3f} median, {worst:.3f} worst",
        "1.10, 1.15",
        median <= 1.10 and worst <= 1.15,
    )
    yield Line(
        "oracle's step over ours, state by state",
        f"{f.states.median():.3f} median, {f.states.quantile(0.99):.3f} at 99 %",
        "",
        None,
    )
    yield Line(
        "gate violations without guard",
        f"{f.violations} of {f.steps}, worst step {f.worst:.3f} thresholds",
        "0 of 1e6",
        f.violations == 0,
    )
    yield Line(
        "steps over the best free-fall rule of each orbit, 3 periods, e >= 0.07",
        f"{f.rival.median():.3f} median, {f.rival.max():.3f} worst",
        "0.75",
        f.rival.max().item() <= 0.75,
    )
    limit = f.rival / f.short
    yield Line(
        "the same of the oracle, the longest steps that there are",
        f"{limit.median():.3f} median, {limit.max():.3f} worst",
        "",
        None,
    )
    yield Line(
        "a in 1e-3..1e3, masses 1e-6..1e6: steps over oracle, violations",
        f"{f.scaled.median():.3f} median, {f.scaled_violations}",
        "the same",
        f.scaled_violations == 0 and f.scaled.median().item() <= 1.10,
    )


def of_triples(f: measure_triples.TripleFigures) -> Iterator[Line]:
    """What a model of triples reaches."""
    for kind, (violations, steps, worst) in f.violations.items():
        share = violations / steps
        yield Line(
            f"violations without guard, {kind}, first 2,000 steps of each",
            f"{violations} of {steps} = {share:.2e}, worst step {worst:.2f} thresholds",
            "1e-3",
            share <= 1e-3,
        )
    if f.whole is not None:
        violations, steps, worst = f.whole
        yield Line(
            "the same followed on, where plain leapfrog has lost the energy of tight binaries",
            f"{violations} of {steps} = {violations / steps:.2e}, worst {worst:.1f}",
            "",
            None,
        )
    for kind, g in f.guarded.items():
        yield Line(
            f"refused tries of the guard over evaluations, {kind}, first 600 steps",
            f"{g.rejected:.2e}",
            "1e-2",
            g.rejected <= 1e-2,
        )
        yield Line(
            f"evaluations over the best free-fall rule with the same guard, {kind}",
            f"{g.one_eta:.3f} with one eta for all, {g.each_eta:.3f} with the best for each",
            "0.85",
            max(g.one_eta, g.each_eta) <= 0.85,
        )


def of_symmetric() -> Iterator[Line]:
    """The scattering family in the symmetric scheme."""
    for name, order in _TRIPLES.items():
        for run in measure_triples.measure_long(name):
            judged = run.rule.startswith(f"{_JUDGED_TRIPLES} ")
            yield Line(
                f"{run.rule}, {order}",
                f"{run.evaluations:.0f} evaluations, dE/E {run.error:.1e} at the end and "
                f"{run.largest:.1e} at most (medians), {100 * run.above:.0f} % end above 1e-4",
                "6000, 1.6e-5, 20 %" if judged else "",
                run.error <= 1.6e-5 and run.above <= 0.2 if judged else None,
            )


def of_long(orbits: float) -> Iterator[Line]:
    """Long runs with e = 0.9."""
    torch.set_num_threads(1)
    tenth = 0.1 * orbits
    yield from _runs_of("two-body-symmetric", Symmetric(3), orbits, judged=True)
    for scheme in (Symmetric(), Reversible()):
        yield from _runs_of("two-body", scheme, tenth, judged=False)
    least = measure_long.least_error(0.9, 1000)
    yield Line("leapfrog by any law: no less than", f"max dE/E {least:.2e}", "", None)


def _runs_of(name: str, scheme: Scheme, orbits: float, *, judged: bool) -> Iterator[Line]:
    for run in measure_long.measure(name, scheme, orbits=orbits):
        target = judged and run.rule.startswith(name)
        lost = run.gone < 0.99 * run.orbits
        tenths = (
            f"{run.first:.2e} in the first tenth, {run.last:.2e} in the last, "
            f"{run.drift:+.1e} an orbit"
        )
        after = f"no way forward after {run.gone:.0f} orbits" if lost else tenths
        phase = "" if lost else f"; {run.phase:.1e} rad ahead or behind at the end"
        trials = f" by {scheme.cost.trials} trial steps" if scheme.cost.trials else ""
        yield Line(
            f"{run.rule}, {run.scheme}{trials}, {run.orbits:g} orbits of "
            f"{run.evaluations:.0f} evaluations",
            f"max dE/E {run.largest:.2e}; {after}{phase}",
            "1.75e-4, no drift" if target else "",
            run.largest <= 1.75e-4 and run.last <= 2 * run.first and not lost if target else None,
        )
