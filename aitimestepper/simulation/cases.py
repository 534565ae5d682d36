"""Initial conditions with published references: for judging only, nothing is trained on them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import UserError
from ..physics.initial_conditions.scattering import encounter
from ..physics.kepler import binary, period
from ..physics.state import System, assemble

_FIRST_SEED = 1000
_YEARS_PER_TIME = 0.09188020


class Case(NamedTuple):
    """One system to judge a time step on."""

    name: str
    system: System
    """Batch of one."""
    period: float | None
    """Orbital period [time]; None where the motion has none."""
    horizon: float | None
    """How far the published references go [time]."""
    source: str
    family: bool = False
    """Whether there are more of its kind, see `members`."""
    references: tuple[tuple[float, Float[Tensor, "N D"]], ...] = ()
    """Times [time] at which positions [length] are published, in order."""

    @property
    def span(self) -> float:
        """Period, or horizon [time]: what a run is measured in."""
        span = self.period or self.horizon
        assert span is not None, self.name
        return span


def load_cases(path: Path | None = None) -> dict[str, Case]:
    """Every case of a case file, by name; of the file in the package when no path is given.

    Raises:
        UserError: The file is missing, is not JSON, or describes no system.
    """
    text = _text(path)
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"The case file {path} is not JSON: {error}.") from None
    if not isinstance(entries, dict) or not entries:
        raise UserError(f"The case file {path} must hold an object of cases by name.")
    return {name: _case(name, entry) for name, entry in entries.items()}


def _text(path: Path | None) -> str:
    if path is None:
        return (files("aitimestepper.simulation") / "cases.json").read_text()
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise UserError(f"The case file {path} cannot be read: {reason}.") from None


def pick(cases: Mapping[str, Case], name: str) -> Case:
    """One case by name.

    Raises:
        UserError: There is none of that name.
    """
    if name not in cases:
        raise UserError(f'There is no case "{name}"; choose one of {", ".join(cases)}.')
    return cases[name]


def members(case: Case, count: int) -> list[Case]:
    """The first members of a family, with seeds from 1000 up.

    Raises:
        UserError: The case is no family.
    """
    if not case.family:
        raise UserError(f"{case.name} is one system and no family; leave out --systems.")
    return [
        case._replace(name=f"{case.name}-{seed}", system=scattering(seed))
        for seed in range(_FIRST_SEED, _FIRST_SEED + count)
    ]


def _case(name: str, entry: Any) -> Case:
    readers = {"elements": _from_elements, "rows": _from_rows, "recipe": _from_recipe}
    try:
        for key, read in readers.items():
            if key in entry:
                return _checked(read(name, entry))
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UserError(f'The case "{name}" is malformed: {error!r}.') from None
    raise UserError(f'The case "{name}" has none of elements, rows and recipe.')


def _checked(case: Case) -> Case:
    if case.system.mass.shape[1] < 2 or not bool((case.system.mass > 0).all()):
        raise ValueError("a case needs at least 2 bodies with masses above 0")
    if not all(bool(tensor.isfinite().all()) for tensor in case.system):
        raise ValueError("a case needs finite numbers")
    if case.period is not None and not 0 < case.period < math.inf:
        raise ValueError(f"the period must be above 0 and finite, got {case.period}")
    return case


def _from_elements(name: str, entry: dict[str, Any]) -> Case:
    given = entry["elements"]
    first = given["total"] / (1 + given["q"])
    axis, eccentricity = (torch.tensor([float(given[k])], dtype=torch.float64) for k in "ae")
    mass = torch.tensor([[first, given["q"] * first]], dtype=torch.float64)
    if not 0 <= given["e"] < 1 or not given["a"] > 0 or not bool((mass > 0).all()):
        raise ValueError("elements need 0 <= e < 1, a > 0, q > 0, total > 0")
    phase = {"apocentre": torch.pi, "pericentre": 0.0}[given["start"]]
    system = binary(axis, eccentricity, mass, mean_anomaly=torch.full_like(axis, phase))
    return Case(name, system, period(axis, mass).item(), None, entry.get("source", ""))


def _from_rows(name: str, entry: dict[str, Any]) -> Case:
    rows = torch.tensor(entry["rows"], dtype=torch.float64)[None]
    d = (rows.shape[-1] - 1) // 2
    if rows.shape[-1] not in (5, 7) or not bool(rows.isfinite().all()):
        raise ValueError("rows need 5 or 7 finite columns: mass, position, velocity")
    system = assemble(rows[..., 0], rows[..., 1 : 1 + d], rows[..., 1 + d :])
    return Case(
        name,
        system,
        entry.get("period"),
        entry.get("horizon"),
        entry.get("source", ""),
        references=_references(entry.get("reference", {}), system),
    )


def _references(entry: dict[str, Any], system: System) -> tuple[tuple[float, Tensor], ...]:
    """Published positions by time."""
    given = [(float(time), torch.tensor(rows, dtype=torch.float64)) for time, rows in entry.items()]
    if any(rows.shape != system.position.shape[1:] for _, rows in given):
        raise ValueError("a reference needs one row of coordinates for each body")
    return tuple(sorted(given, key=lambda reference: reference[0]))


def _from_recipe(name: str, entry: dict[str, Any]) -> Case:
    horizon = entry["horizon_yr"] / _YEARS_PER_TIME
    system = scattering(_FIRST_SEED)
    return Case(name, system, None, horizon, entry.get("source", ""), family=True)


def scattering(seed: int) -> System:
    """One member of the three-body scattering family, seeds from 1000 up.

    References:
        | arXiv 2502.12809
    """
    low, high = [5, 0, 0, 5], [20, 10, -10, 20]
    places = np.random.RandomState(seed).uniform(low, high)
    mass = torch.full((1, 3), 1 / 3, dtype=torch.float64)
    return encounter(mass, torch.from_numpy(places)[None])
