"""What a sweep varies: settings by dotted name, and the values that they may take."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from optuna import Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial
from pydantic import ValidationError

from aitimestepper.errors import UserError
from aitimestepper.settings import RunConfig

_NUMBER = r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"(?P<log>log\s+)?(?P<low>{_NUMBER}?)\.\.(?P<high>{_NUMBER})")
_WHOLE = re.compile(r"[+-]?\d+")


def space_of(vary: Mapping[str, str], base: RunConfig) -> dict[str, BaseDistribution]:
    """The values that trials may take, by dotted name of a setting.

    Arguments:
        vary: `0.1..0.9` and `1..64` are ranges, the second of whole numbers; `log 1e-4..1e-2` is
            one in decades; `8|16|32` and `[64]|[64,64]` are choices.
        base: Settings of the sweep.

    Raises:
        UserError: A setting is unknown, or its values are written in no such way.
    """
    for name in vary:
        with_values(base, {name: _present(base, name)})
    return {name: _distribution(name, text.strip()) for name, text in vary.items()}


def _distribution(name: str, text: str) -> BaseDistribution:
    if match := _RANGE.fullmatch(text):
        return _range(name, match)
    choices = [part.strip() for part in text.split("|")]
    if len(choices) < 2 or not all(choices):
        raise UserError(
            f'{name} cannot vary over "{text}"; write a range such as 0.1..0.9, '
            '"log 1e-4..1e-2" for one in decades, or choices such as "8|16".'
        )
    return CategoricalDistribution(choices)


def _range(name: str, match: re.Match[str]) -> BaseDistribution:
    low, high, log = match["low"], match["high"], bool(match["log"])
    try:
        if _WHOLE.fullmatch(low) and _WHOLE.fullmatch(high):
            return IntDistribution(int(low), int(high), log=log)
        return FloatDistribution(float(low), float(high), log=log)
    except ValueError as error:
        raise UserError(f'{name} cannot vary over "{match[0]}": {error}.') from None


def settings_of(trial: Trial | FrozenTrial, base: RunConfig, vary: Mapping[str, str]) -> RunConfig:
    """The settings of a trial; with nothing to vary, it has a seed of its own.

    Raises:
        UserError: A setting refuses what was proposed.
    """
    values: dict[str, Any] = {name: _parsed(value) for name, value in trial.params.items()}
    if not vary:
        values["seed"] = base.seed + trial.number
    return with_values(base, values | {"name": f"{base.name}-{trial.number:04d}"})


def _parsed(value: Any) -> Any:
    """A choice as a number, list or truth value if JSON takes it for one, or the word itself."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _present(base: RunConfig, name: str) -> Any:
    branch: Any = base.model_dump()
    for part in name.split("."):
        branch = branch.get(part) if isinstance(branch, dict) else None
    return branch


def with_values(base: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """Settings with some replaced, by dotted name, and checked again as a whole.

    Raises:
        UserError: A setting is unknown or refuses its value.
    """
    tree = base.model_dump()
    for name, value in values.items():
        *sections, last = name.split(".")
        branch: Any = tree
        for section in sections:
            branch = branch.get(section) if isinstance(branch, dict) else None
        if not isinstance(branch, dict) or last not in branch or isinstance(branch[last], dict):
            raise UserError(
                f"There is no setting {name} to vary; `aitimestepper train --help` lists them all."
            )
        branch[last] = value
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or ", ".join(values)
        raise UserError(f"A trial cannot have {place}: {first['msg']}.") from None
