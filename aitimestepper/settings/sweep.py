"""The settings of a sweep: what every trial is told, what varies, and what is made small."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from . import RunConfig
from .kinds import NonNegative


class SweepConfig(BaseModel):
    """Many trainings that differ in a few settings; `base.name` names the sweep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: RunConfig = Field(default=RunConfig(), description="settings of every trial")
    vary: dict[str, str] = Field(
        default={},
        description="settings to vary: 0.1..0.9, log 1e-4..1e-2, 8|16; seeds when there are none",
    )
    trials: PositiveInt = Field(default=20, description="trials in all")
    objective: Literal["steps_over_oracle", "evaluations", "energy_error"] = Field(
        default="steps_over_oracle", description="median over held-out systems to make small"
    )
    penalty: NonNegative = Field(
        default=10.0, description="weight of the share of steps that the gate would refuse"
    )
    pruner: Literal["median", "none"] = Field(
        default="median", description="how hopeless trials are cut short"
    )
    runner: Literal["threads", "dask", "ray"] = Field(
        default="threads", description="where trials run"
    )
    workers: PositiveInt = Field(default=1, description="trials at once")
