"""The Pythagorean problem to t = 70 beside its published anchors; writes docs/pythagorean.md.

    python benchmarks/pythagorean.py [--models three-body ...] [--out docs/pythagorean.md]

Every evaluation of the force is counted, probes and refused tries of the guard too. The motion is
chaotic: distances from the reference say whether an orbit is the true one, energy errors do not.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aitimestepper as ats
from aitimestepper.integrations.rebound_rows import rebound_rows
from aitimestepper.model.rules import FreeFall
from aitimestepper.physics.integrators import leapfrog
from aitimestepper.simulation.cases import Case, load_cases
from aitimestepper.simulation.rows import Row
from aitimestepper.sources import Step

ROOT = Path(__file__).resolve().parents[1]
ETAS = (0.04, 0.02, 0.01, 0.005)
FOURTH_ETAS = (0.2, 0.1, 0.05, 0.025)
FACTORS = (1.0, 0.5, 0.25, 0.125)
WAYS = {
    "plain": {},
    "symmetric": {"scheme": "symmetric"},
    "symmetric, guard": {"scheme": "symmetric", "guard": True},
}
ANCHORS = (
    ("published: naive adaptive KDK", 34_868, 3.8e-3),
    ("published: symmetrised KDK", 31_855, 2.5e-5),
    ("published: IAS15", 120_159, 3.1e-11),
)
_HEAD = """# The Pythagorean problem

Made by `python benchmarks/pythagorean.py{model}`; every number is measured, but for the published
anchors. Masses 3, 4 and 5 at rest at the corners of a triangle (Burrau 1913; Szebehely & Peters
1967), followed to t = 70. `freefall:ETA` is the customary rule; `NAME x F` the learned step times
F; `4th` marks steps of the integrator of Blanes and Moan, all others are of leapfrog. Threshold of
the guard: 2e-4. Distances are those of the body furthest from the reference, which two independent
integrations agree on.

| rule | scheme | evaluations | max dE/E | final dE/E | off at t = 10 | off at t = 70 |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Run every rule and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--models", nargs="*", default=[], help="trained runs of three bodies in the plane"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pythagorean.md")
    given = parser.parse_args()
    lines = [f"| {name} | | {count} | | {error:.1e} | | |" for name, count, error in ANCHORS]
    for line in _lines(given.models):
        print(line, flush=True)
        lines.append(line)
    words = "".join(f" {word}" for word in ("--models", *given.models) if given.models)
    given.out.write_text(_HEAD.format(model=words) + "\n".join(lines) + "\n")


def _lines(models: list[str]) -> Iterator[str]:
    case = load_cases()["pythagorean"]
    yield _line("IAS15", "REBOUND", *_ias15(case))
    for step in _rules(models):
        for way, options in WAYS.items():
            early, late = (
                ats.simulate(case.system, step, duration=time, judge=False, **options)
                for time, _ in case.references
            )
            places = (done.outcome.end.position[0] for done in (early, late))
            off = [
                (place - true).norm(dim=-1).max().item()
                for place, (_, true) in zip(places, case.references, strict=True)
            ]
            o = late.outcome
            errors = o.energy_error_max.item(), o.energy_error_final.item()
            yield _line(step.source, way, int(o.evaluations), *errors, *off)


def _rules(models: list[str]) -> Iterator[Step]:
    yield from (ats.load(f"freefall:{eta}") for eta in ETAS)
    for model in models:
        step = ats.load(model)
        order = "" if step.gate.integrator is leapfrog else ", 4th"
        if order:
            for eta in FOURTH_ETAS:
                rule = FreeFall(eta, step.gate.field)
                yield replace(step, source=f"freefall:{eta}{order}", rule=rule)
        for factor in FACTORS:
            yield replace(step.scaled(factor), source=f"{model} x {factor:g}{order}")


def _ias15(case: Case) -> tuple[float, ...]:
    """REBOUND's integrator with its own epsilon, to both times."""
    rows = [_ias15_to(case, time) for time, _ in case.references]
    off = [row.position_error or math.nan for row in rows]
    return rows[-1].evaluations, rows[-1].energy_error_max, rows[-1].energy_error_final, *off


def _ias15_to(case: Case, time: float) -> Row:
    """The row of its own epsilon; only the end in time is taken from the row that is asked for."""
    until = Row(case.name, "", 0.0, 1.0, 0, 1, None, None, 0.0, 0.0, None, 0.0, time=time)
    return next(rebound_rows(case, until))


def _line(rule: str, scheme: str, evaluations: float, *figures: float) -> str:
    return (
        f"| {rule} | {scheme} | {evaluations:.0f} | "
        + " | ".join(f"{figure:.1e}" for figure in figures)
        + " |"
    )


if __name__ == "__main__":
    main()
