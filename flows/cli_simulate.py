"""The command `simulate`: one system, one rule, its figures, and every step in a file if wanted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli_options import Options, positive_count, positive_number, write_json

if TYPE_CHECKING:
    from aitimestepper.physics.state import System
    from aitimestepper.sources import Step

SOURCES = (
    "a run's name, a checkpoint, models:/NAME/VERSION, or fixed:DT, freefall:ETA, aarseth:ETA, "
    "oracle:THRESHOLD"
)


def run(argv: Sequence[str]) -> int:
    """Simulate, and print what came of it."""
    options = _parser().read(list(argv))
    if options is None:
        return 0
    figures = _simulated(options)
    if options.json:
        write_json(figures)
    else:
        sys.stdout.write(
            "".join(f"{name:<23} {_shown(value)}\n" for name, value in figures.items())
        )
    return 0


def _parser() -> Options:
    parser = Options("simulate", "Follow a system with a learned or a classical time step.")
    parser.add_argument("--model", required=True, metavar="SOURCE", help=SOURCES)
    bodies = parser.add_mutually_exclusive_group(required=True)
    bodies.add_argument("--case", metavar="NAME", help="a published case, such as kepler-e0.9")
    bodies.add_argument(
        "--ic",
        metavar="FILE",
        help=".npy, .txt or .csv with one body a row: mass, position, velocity",
    )
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--periods", type=positive_number, metavar="X", help="orbital periods to go")
    end.add_argument("--duration", type=positive_number, metavar="T", help="time to go")
    end.add_argument("--steps", type=positive_count, metavar="N", help="steps to take")
    parser.add_argument("--scheme", choices=["plain"], default="plain", help="dt from the state")
    parser.add_argument("--out", type=Path, metavar="FILE.zarr", help="write every step to it")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier --out")
    return parser


def _simulated(options: argparse.Namespace) -> dict[str, Any]:
    from aitimestepper.api import simulate
    from aitimestepper.sources import load

    step = load(options.model)
    system, period = _system(options, step)
    duration, periods = options.duration, options.periods
    if periods is not None and period is not None:
        duration, periods = periods * period, None
    return simulate(
        system,
        step,
        duration=duration,
        periods=periods,
        steps=options.steps,
        out=options.out,
        overwrite=options.overwrite,
    ).figures()


def _system(options: argparse.Namespace, step: Step) -> tuple[System, float | None]:
    """The initial state and its period [time], where that is published."""
    if options.case is None:
        from aitimestepper.bodies import read_bodies

        return read_bodies(options.ic, softening=getattr(step.gate.field, "softening", 0.0)), None
    from aitimestepper.simulation.cases import load_cases, pick

    case = pick(load_cases(), options.case)
    return case.system, case.period


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
