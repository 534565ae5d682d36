"""The command `evaluate`: a rule beside the oracle and the best classical rules."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .cli_options import Options, positive_count, positive_number, write_json
from .cli_simulate import SOURCES


def run(argv: Sequence[str]) -> int:
    """Evaluate, and print one row for each case and rule."""
    options = _parser().read(list(argv))
    if options is None:
        return 0
    from aitimestepper.jobs import evaluation
    from aitimestepper.simulation.table import by_case

    with _progress():
        names = ("cases", "periods", "out", "orbits", "most", "rebound")
        words = {name: getattr(options, name) for name in names}
        rows = evaluation(options.model, **words)
    if options.json:
        write_json([row._asdict() for row in rows])
    else:
        sys.stdout.write(f"{by_case(rows)}\n")
    return 0


def _parser() -> Options:
    parser = Options(
        "evaluate", "Judge a time step beside the oracle and the best classical rules."
    )
    parser.add_argument("--model", required=True, metavar="SOURCE", help=SOURCES)
    parser.add_argument(
        "--cases", type=Path, metavar="FILE.json", help="case file; the published ones by default"
    )
    parser.add_argument(
        "--periods", type=positive_number, default=3.0, metavar="X", help="periods to follow each"
    )
    parser.add_argument(
        "--orbits",
        type=positive_number,
        default=100.0,
        metavar="X",
        help="orbits that the report follows the energy error for",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for report.html, figures, tables"
    )
    parser.add_argument(
        "--most",
        type=positive_count,
        default=20_000,
        metavar="STEPS",
        help="steps after which a run is cut short, which its row then says",
    )
    parser.add_argument(
        "--no-rebound",
        dest="rebound",
        action="store_false",
        help="no rows of REBOUND's integrators, although it is installed",
    )
    return parser


@contextmanager
def _progress() -> Iterator[None]:
    """What the library says meanwhile, on standard error."""
    log, handler = logging.getLogger("aitimestepper"), logging.StreamHandler(sys.stderr)
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
