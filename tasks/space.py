"""What a sweep varies: settings by dotted name, and how their values are proposed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aitimestepper.errors import UserError
from aitimestepper.settings import RunConfig

if TYPE_CHECKING:
    from optuna import Trial

_RANGE = re.compile(r"(?P<log>log\s+)?(?P<low>[^.\s]+(?:\.\d+)?\S*?)\.\.(?P<high>\S+)")
Value = str | int | float


def suggested(trial: Trial, space: Mapping[str, str], base: RunConfig) -> RunConfig:
    """The settings of a trial: those of the sweep with what is varied replaced.

    Arguments:
        trial: Optuna's trial, which remembers what it proposed.
        space: By dotted name: `0.1..0.9` and `1..64` are ranges, `log 1e-4..1e-2` one in decades,
            `8|16|32` a choice. With nothing to vary, every trial has a seed of its own.
        base: Settings of the sweep.

    Raises:
        UserError: A setting is unknown, cannot be varied, or refuses the value.
    """
    values: dict[str, Any] = {name: _suggest(trial, name, text) for name, text in space.items()}
    if not space:
        values = {"seed": base.seed + trial.number}
    return with_values(base, values | {"name": f"{base.name}-{trial.number:04d}"})


def _suggest(trial: Trial, name: str, text: str) -> Any:
    if match := _RANGE.fullmatch(text.strip()):
        log = bool(match["log"])
        try:
            if re.fullmatch(r"[+-]?\d+", match["low"]) and re.fullmatch(r"\d+", match["high"]):
                return trial.suggest_int(name, int(match["low"]), int(match["high"]), log=log)
            return trial.suggest_float(name, float(match["low"]), float(match["high"]), log=log)
        except ValueError as error:
            raise UserError(f'The range "{text}" of {name} is none: {error}.') from None
    choices = [part.strip() for part in text.split("|")]
    if len(choices) < 2 or not all(choices):
        raise UserError(
            f'{name} cannot vary over "{text}"; write a range such as 0.1..0.9, '
            '"log 1e-4..1e-2" for one in decades, or choices such as "8|16".'
        )
    return _parsed(trial.suggest_categorical(name, choices))


def _parsed(text: str) -> Any:
    """A number, list or truth value as JSON has it, or the word itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def with_values(base: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """Settings with some replaced, by dotted name, and checked again as a whole.

    Raises:
        UserError: A setting is unknown or refuses its value.
    """
    tree = base.model_dump()
    for name, value in values.items():
        *sections, last = name.split(".")
        branch = tree
        for section in sections:
            branch = branch.get(section) if isinstance(branch, dict) else None
        if not isinstance(branch, dict) or last not in branch or isinstance(branch[last], dict):
            raise UserError(f"There is no setting {name} to vary; see `aitimestepper train --help`.")
        branch[last] = value
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or ", ".join(values)
        raise UserError(f"A trial refuses {place}: {first['msg']}.") from None
