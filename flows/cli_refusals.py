"""What to say when a setting refuses its value: the setting, the value, the limit, the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .cli_places import Place

_PLAIN = {
    "string_pattern_mismatch": (
        'should be at most 64 letters, digits, "_", "-" or ".", the first a letter or a digit'
    ),
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "finite_number": "should be a finite number",
}
_WRONG_LENGTH = {"missing", "too_long", "too_short", "tuple_type"}


def refusal(error: ValidationError, places: Sequence[Place], known: Mapping[str, FieldInfo]) -> str:
    """One sentence about every value that was refused."""
    parts = dict.fromkeys(_part(detail, places, known) for detail in error.errors())
    return "; ".join(parts) + "."


def _part(detail: ErrorDetails, places: Sequence[Place], known: Mapping[str, FieldInfo]) -> str:
    key = ".".join(part for part in detail["loc"] if isinstance(part, str))
    place = next((place for place in places if key in place.values), None)
    if place is None or key not in known:  # several settings that do not go together
        return f"{_reason(detail, None)}; change one of them"
    field, reason = known[key], _reason(detail, known[key])
    told = f"{key} {reason}" if reason.startswith("should") else reason
    return f"{place.assignment(key)}: {told}, such as its default {written(field.default)}"


def _reason(detail: ErrorDetails, field: FieldInfo | None) -> str:
    if field is not None and detail["type"] in _WRONG_LENGTH and _is_range(field):
        return "should be two numbers, lowest,highest"
    text = _PLAIN.get(detail["type"], detail["msg"])
    return text.replace("Input should", "should").replace("Value error, ", "").rstrip(".")


def _is_range(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is tuple and isinstance(field.default[0], float)


def written(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, tuple):
        return ",".join(map(written, value))
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
