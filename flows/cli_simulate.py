"""The command `simulate`: one system, one rule, its figures, and every step in a file if wanted."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli_movie import filmed
from .cli_options import Options, positive_count, positive_number, write_json
from .cli_travel import travelling

if TYPE_CHECKING:
    from aitimestepper.api import Simulation

SOURCES = (
    "a run's name, a checkpoint, models:/NAME/VERSION, or fixed:DT, freefall:ETA, aarseth:ETA, "
    "oracle:THRESHOLD"
)


def run(argv: Sequence[str]) -> int:
    """Simulate, and print what came of it; 1 where a system did not come to its end."""
    options = _parser().read(list(argv))
    if options is None:
        return 0
    done = _simulated(options)
    figures = done.figures()
    if options.movie is not None:
        figures |= {"out": options.out and str(options.out), "movie": str(options.movie)}
    if options.json:
        write_json(figures)
    else:
        sys.stdout.write(
            "".join(f"{name:<23} {_shown(value)}\n" for name, value in figures.items())
        )
    if complaint := done.complaint():
        sys.stderr.write(f"{complaint}\n")
    return int(bool(complaint))


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
    parser.add_argument(
        "--systems",
        type=positive_count,
        default=1,
        metavar="N",
        help="members of a family of cases, such as scattering-family, side by side",
    )
    parser.add_argument(
        "--scale",
        type=positive_number,
        default=1.0,
        metavar="X",
        help="factor on all steps: half the step is a quarter of a leapfrog run's energy error",
    )
    parser.add_argument(
        "--scheme",
        choices=["plain", "symmetric", "reversible"],
        default="plain",
        help="plain: dt from the state; symmetric: mean of both ends of the step, far less drift; "
        "reversible: explicit, for smooth rules",
    )
    parser.add_argument(
        "--iterations", type=positive_count, metavar="N", help="of the symmetric scheme; default 1"
    )
    parser.add_argument(
        "--guard", action="store_true", help="try every step that fails the gate again, shorter"
    )
    parser.add_argument(
        "--no-judge",
        dest="judge",
        action="store_false",
        help="do not count the steps that the gate would refuse; faster",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.zarr", help="write every step to it")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier --out")
    parser.add_argument("--resume", action="store_true", help="go on with the interrupted --out")
    parser.add_argument(
        "--movie", type=Path, metavar="FILE", help="film it: .mp4, which needs ffmpeg, or .gif"
    )
    return parser


def _simulated(options: argparse.Namespace) -> Simulation:
    from aitimestepper.jobs import simulation

    words = vars(options).copy()
    for name in ("json", "help"):
        words.pop(name, None)
    with filmed(words.pop("movie"), words), travelling() as tell:
        return simulation(words.pop("model"), tell=tell, **words)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
