"""Kinds of values that settings have, and what a section of them is."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

Positive = Annotated[FiniteFloat, Field(gt=0)]
Share = Annotated[FiniteFloat, Field(gt=0, lt=1)]


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError(f"a range is lowest,highest, got {limits[0]:g},{limits[1]:g}")
    return limits


Range = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_ordered)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
Eccentricities = Annotated[
    tuple[Annotated[FiniteFloat, Field(ge=0, lt=1)], Annotated[FiniteFloat, Field(ge=0, lt=1)]],
    AfterValidator(_ordered),
]
Numbers = Annotated[tuple[FiniteFloat, ...], Field(min_length=1)]
Positives = Annotated[tuple[Positive, ...], Field(min_length=1)]
NonNegative = Annotated[FiniteFloat, Field(ge=0)]
Width = Annotated[PositiveInt, Field(le=10_000)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_ordered)]
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Section(BaseModel):
    """A frozen group of settings; a misspelt name is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what Python would take for 0 or 1."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        inside = value if isinstance(value, list | tuple) else [value]
        if wanted is not bool and any(isinstance(part, bool) for part in inside):
            raise ValueError(f"should not be true or false, got {value}")
        return value
