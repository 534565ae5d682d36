"""Simulate and evaluate from names and paths: what the command line and the flows share."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .api import Simulation, simulate
from .bodies import check_bound, read_bodies
from .errors import UserError
from .physics.gravity import Gravity
from .physics.state import System, join
from .report.drawings import Judged
from .report.provenance import facts, recorded
from .report.writing import write_report
from .simulation.cases import Case, load_cases, members, pick
from .simulation.evaluate import MOST, Row, announced, evaluate
from .simulation.run import Progress
from .simulation.table import by_case
from .sources import Step, load

_MEMBERS = 4
_log = logging.getLogger("aitimestepper.jobs")


def simulation(
    model: str,
    *,
    case: str | None = None,
    ic: Path | None = None,
    systems: int = 1,
    periods: float | None = None,
    duration: float | None = None,
    steps: int | None = None,
    tell: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Simulation:
    """Follow systems with one rule.

    Arguments:
        model: Source of the rule, as `load` takes it.
        case: Name of a published case. Give this or `ic`.
        ic: File of bodies.
        systems: Members of the case to follow side by side, where it is a family.
        periods: Orbital periods to go. Give one of this, `duration` and `steps`.
        duration: Time to go [time].
        steps: Steps to take.
        tell: Told how far the run has come.
        options: Other keywords of `aitimestepper.simulate`.

    Raises:
        UserError: Something asked for is missing, damaged, or does not fit.
    """
    if (case is None) == (ic is None):
        raise UserError("Give either a case or a file of bodies (ic), and not both.")
    step = load(model)
    system, period = _system(case, ic, step, systems)
    if periods is not None and period is not None:
        duration, periods = periods * period, None
    ends = {"duration": duration, "periods": periods, "steps": steps}
    done = simulate(system, step, **ends, tell=tell, **options)
    if complaint := done.complaint():
        _log.warning(complaint)
    return done


def _system(
    case: str | None, ic: Path | None, step: Step, systems: int
) -> tuple[System, float | None]:
    """The initial states and their period [time], where that is published."""
    if case is not None:
        chosen = pick(load_cases(), case)
        if systems > 1:
            return join([member.system for member in members(chosen, systems)]), None
        return chosen.system, chosen.period
    assert ic is not None
    if systems > 1:
        raise UserError(f"{ic} is one system; give several only with a case that is a family.")
    return read_bodies(ic, softening=getattr(step.gate.field, "softening", 0.0)), None


def evaluation(
    model: str,
    *,
    cases: Path | None = None,
    periods: float = 3.0,
    out: Path | None = None,
    most: int = MOST,
    rebound: bool = True,
    orbits: float = 100.0,
) -> list[Row]:
    """Judge a rule on the cases that fit it; the others are named in the log.

    Arguments:
        model: Source of the rule, as `load` takes it.
        cases: Case file; the published cases when none is given.
        periods: Periods to follow each case; cases without one go to their horizon.
        out: Folder for `report.html`, its figures, `evaluation.json` and `evaluation.md`.
        most: Steps after which a run is cut short.
        rebound: Also rows of REBOUND's integrators, where it is installed.
        orbits: Orbits that the report follows the energy error for.

    Raises:
        UserError: Something asked for is missing or damaged, or no case fits.
    """
    if out is not None:
        _check_folder(out)
    step = load(model)
    groups = _groups(model, step, list(load_cases(cases).values()))
    if out is not None:
        _make(out)
    rows = [row for group in groups for row in _judged(group, step, model, periods, most)]
    if rebound:
        rows += _beside(groups, rows, model, step)
    if out is not None:
        _keep(out, rows)
        words = {"--model": model, "--cases": cases, "--periods": f"{periods:g}"}
        words |= {"--orbits": f"{orbits:g}", "--out": out}
        judged = Judged(model, step, step.gate, groups[0], rows, orbits=orbits)
        _report(out, judged, words)
    return rows


def _judged(
    cases: Sequence[Case], step: Step, label: str, periods: float, most: int
) -> Iterator[Row]:
    rows = evaluate(cases, step, step.gate, label=label, periods=periods, full=True, most=most)
    yield from announced(rows, lambda rule: _log.info("evaluated %s on %d cases", rule, len(cases)))


def _beside(
    groups: Sequence[Sequence[Case]], rows: Sequence[Row], label: str, step: Step
) -> list[Row]:
    """Rows of REBOUND's integrators, for pure gravity and where it is installed."""
    if find_spec("rebound") is None or step.gate.field != Gravity():
        _log.info("no rows of REBOUND: it is not installed, or the field is not plain gravity")
        return []
    from .integrations.rebound_rows import rebound_rows

    learned = {row.case: row for row in rows if row.rule == label}
    cases = [case for group in groups for case in group if math.isfinite(learned[case.name].time)]
    made = [row for case in cases for row in rebound_rows(case, learned[case.name])]
    _log.info("evaluated the integrators of REBOUND on %d cases", len(cases))
    return made


def _groups(model: str, step: Step, cases: Sequence[Case]) -> list[list[Case]]:
    """Cases that fit the rule, those of one N and D together; a family brings some members."""
    groups: dict[tuple[int, int], list[Case]] = {}
    for case in cases:
        _, bodies, dimensions = case.system.position.shape
        if not (case.period or case.horizon):
            _log.info("skipped %s: it has no period and no horizon", case.name)
        elif (step.bodies or bodies, step.dimensions or dimensions) != (bodies, dimensions):
            _log.info("skipped %s: %s was made for another N or D", case.name, model)
        else:
            _check_case(case, step)
            group = groups.setdefault((bodies, dimensions), [])
            group += members(case, _MEMBERS) if case.family else [case]
    if not groups:
        raise UserError(
            f"No case has a period or a horizon, and the N and D of {model}; give other --cases."
        )
    return list(groups.values())


def _check_case(case: Case, step: Step) -> None:
    try:
        check_bound(case.system, step.gate.field)
    except UserError as error:
        raise UserError(f"Case {case.name}: {error}") from None


def _keep(folder: Path, rows: Sequence[Row]) -> None:
    figures = json.dumps([row._asdict() for row in rows], indent=1)
    try:
        (folder / "evaluation.json").write_text(f"{figures}\n")
        (folder / "evaluation.md").write_text(f"{by_case(rows)}\n")
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}); give another --out."
        ) from None


def _report(folder: Path, judged: Judged, words: Mapping[str, object]) -> None:
    """The page and its figures; `words` are the options that make them."""
    model, threshold = judged.model, judged.gate.threshold
    options = [str(word) for pair in words.items() if pair[1] is not None for word in pair]
    about = facts(model, ["aitimestepper", "evaluate", *options], threshold=threshold)
    write_report(folder, replace(judged, recorded=recorded(model)), about)


def _check_folder(folder: Path) -> None:
    try:
        taken = folder.is_file()
    except OSError as error:  # such as a name that is too long
        raise UserError(
            f"{folder} cannot be used ({error.strerror}); give another --out."
        ) from None
    if taken:
        raise UserError(f"{folder} is a file; give a folder as --out.")


def _make(folder: Path) -> None:
    """Make the folder before the work, so that no result is lost after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made ({error.strerror}); give another --out."
        ) from None
