"""The command `simulate`: one system, one rule, its figures, and every step in a file if wanted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .cli_options import Options, positive_count, positive_number, write_json

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
        type=Path,
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
    from aitimestepper.jobs import simulation

    return simulation(
        options.model,
        case=options.case,
        ic=options.ic,
        periods=options.periods,
        duration=options.duration,
        steps=options.steps,
        out=options.out,
        overwrite=options.overwrite,
    )


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
