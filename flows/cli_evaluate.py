"""The command `evaluate`: a rule beside the oracle and the best classical rules."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aitimestepper.errors import UserError

from .cli_options import Options, positive_number, write_json
from .cli_simulate import SOURCES

if TYPE_CHECKING:
    from aitimestepper.simulation.cases import Case
    from aitimestepper.simulation.evaluate import Row
    from aitimestepper.sources import Step


def run(argv: Sequence[str]) -> int:
    """Evaluate, and print one row for each case and rule."""
    options = _parser().read(list(argv))
    if options is None:
        return 0
    _check_folder(options.out)
    rows = list(_evaluated(options))
    table = _table(rows)
    if options.out is not None:
        _keep(options.out, rows, table)
    if options.json:
        write_json([row._asdict() for row in rows])
    else:
        sys.stdout.write(f"{table}\n")
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
        "--out", type=Path, metavar="DIR", help="folder for evaluation.json and .md"
    )
    return parser


def _evaluated(options: argparse.Namespace) -> Iterator[Row]:
    from aitimestepper.simulation.cases import load_cases
    from aitimestepper.simulation.evaluate import evaluate
    from aitimestepper.sources import load

    step, cases = load(options.model), load_cases(options.cases)
    for group in _groups(options, step, list(cases.values())):
        yield from evaluate(group, step, step.gate, label=options.model, periods=options.periods)


def _groups(options: argparse.Namespace, step: Step, cases: Sequence[Case]) -> list[list[Case]]:
    """Cases that fit the rule, those of one N and D together; the others are named."""
    groups: dict[tuple[int, int], list[Case]] = {}
    for case in cases:
        _, bodies, dimensions = case.system.position.shape
        if not case.period:
            _skip(case, "it has no period")
        elif (step.bodies or bodies, step.dimensions or dimensions) != (bodies, dimensions):
            _skip(case, f"the model does not take N = {bodies} bodies in D = {dimensions}")
        else:
            groups.setdefault((bodies, dimensions), []).append(case)
    if not groups:
        raise UserError(
            f"No case has a period and the N and D of {options.model}; give other --cases."
        )
    return list(groups.values())


def _skip(case: Case, why: str) -> None:
    sys.stderr.write(f"skipped {case.name}: {why}\n")


def _table(rows: Sequence[Row]) -> str:
    from aitimestepper.simulation.table import by_case

    return by_case(rows)


def _check_folder(folder: Path | None) -> None:
    """Refuse before the work what would fail after it."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; give a folder as --out.")


def _keep(folder: Path, rows: Sequence[Row], table: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figures = json.dumps([row._asdict() for row in rows], indent=1)
        (folder / "evaluation.json").write_text(f"{figures}\n")
        (folder / "evaluation.md").write_text(f"{table}\n")
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}); give another --out."
        ) from None
