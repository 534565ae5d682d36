"""The settings of a run: plain frozen data, the same on every machine.

A section has exactly the keyword arguments of one library function. `RunConfig` is the parameter
of every flow; a `BaseSettings` that crossed a flow boundary would read the environment again on
the worker and silently change the run.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from .kinds import Positive, RunName, Section
from .model import FeaturesSection, HistorySection, NetworkSection, StepSection
from .motion import FieldSection, GateSection, IntegratorSection
from .systems import SAMPLED, InitialConditionsSection
from .training import (
    CollectSection,
    EvaluationSection,
    GeneralizeSection,
    LossSection,
    OptimizerSection,
    OrbitsSection,
)

ROUNDING = {"float64": 4e-15, "float32": 2e-6}
"""Relative energy error that rounding alone makes, about 16 units in the last place."""


class RunConfig(Section):
    """Everything that makes a training run; the parameter of the flow `two-phase-training`."""

    name: RunName = Field(default="demo", description="name of the run; the same name continues it")
    epochs: PositiveInt = Field(default=20, le=10**9, description="number of epochs in all")
    seed: NonNegativeInt = Field(default=0, le=2**62, description="seed of everything random")
    orbits: PositiveInt = Field(
        default=16, le=10**6, description="systems that are followed side by side"
    )
    energy_threshold: Positive = Field(
        default=2e-4, description="largest relative energy error of an accepted step"
    )
    steps_per_epoch: PositiveInt = Field(
        default=1, description="accepted steps per orbit and epoch"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="where tensors live")
    dtype: Literal["float64", "float32"] = Field(default="float64", description="precision")
    compile: bool = Field(
        default=False,
        description="run phase 1 through torch.compile, and say whether that helps",
    )
    initial_conditions: InitialConditionsSection = InitialConditionsSection()
    field: FieldSection = FieldSection()
    integrator: IntegratorSection = IntegratorSection()
    gate: GateSection = GateSection()
    features: FeaturesSection = FeaturesSection()
    history: HistorySection = HistorySection()
    network: NetworkSection = NetworkSection()
    step: StepSection = StepSection()
    optimizer: OptimizerSection = OptimizerSection()
    loss: LossSection = LossSection()
    collect: CollectSection = CollectSection()
    generalize: GeneralizeSection = GeneralizeSection()
    restart: OrbitsSection = OrbitsSection()
    evaluation: EvaluationSection = EvaluationSection()

    @model_validator(mode="after")
    def _past_to_change_from(self) -> RunConfig:
        if self.features.kind == "delta_mag" and not self.history.length:
            raise ValueError(
                "features.kind delta_mag shows changes over the history and needs history.length "
                "of 1 or more, got 0"
            )
        return self

    @model_validator(mode="after")
    def _room_for_the_band(self) -> RunConfig:
        if self.generalize.margin <= self.loss.upper:
            raise ValueError(
                f"generalize.margin {self.generalize.margin:g} is not above loss.upper "
                f"{self.loss.upper:g}, so that no training would ever end; give a larger one"
            )
        return self

    @model_validator(mode="after")
    def _above_rounding(self) -> RunConfig:
        if self.energy_threshold < ROUNDING[self.dtype]:
            raise ValueError(
                f"energy_threshold {self.energy_threshold:g} is below the rounding of an energy in "
                f"{self.dtype}, no step could pass; give at least {ROUNDING[self.dtype]:g}"
            )
        return self


HARMLESS = frozenset(
    {"name", "epochs", "evaluation", "collect.max_attempts", "generalize.max_iterations"}
)
"""Settings that may change between two parts of a run without falsifying its result."""

__all__ = ["HARMLESS", "ROUNDING", "SAMPLED", "FieldSection", "RunConfig", "Section"]
