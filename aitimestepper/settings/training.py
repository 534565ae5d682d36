"""How the model learns and is judged: settings of the two phases, and of what comes after."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, NonNegativeInt, PositiveInt, model_validator

from .kinds import NonNegative, Positive, Section, Share


class OptimizerSection(Section):
    """How the weights move: keyword arguments of `training.optimiser.Optimiser`."""

    kind: Literal["adam", "adamw", "sgd"] = Field(default="adam", description="optimiser")
    learning_rate: Positive = Field(default=5e-3, description="learning rate of the first update")
    slowing: Positive = Field(
        default=500.0, description="updates after which the learning rate begins to fall"
    )
    cooling: PositiveInt | None = Field(
        default=None,
        description="updates of the first cycle in which the rate also falls along half a cosine, "
        "the next ones twice as long each; none: it does not",
    )
    clip: Positive = Field(default=1.0, description="largest norm of the gradient")
    weight_decay: NonNegative = Field(default=0.0, description="pull of the weights towards zero")
    momentum: Annotated[FiniteFloat, Field(ge=0, lt=1)] = Field(
        default=0.0, description="share of the last move that is kept (kind sgd)"
    )

    @model_validator(mode="after")
    def _only_sgd(self) -> OptimizerSection:
        if self.momentum and self.kind != "sgd":
            raise ValueError(
                f"optimizer.momentum belongs to kind sgd, got {self.momentum:g} with {self.kind}"
            )
        return self


class LossSection(Section):
    """The band that errors are drawn into: arguments of `training.losses.Band` and `StepLoss`."""

    lower: Share = Field(
        default=0.5, description="lower edge of the band, in units of the threshold"
    )
    upper: Share = Field(
        default=0.85, description="upper edge of the band, in units of the threshold"
    )
    overshoot: Positive = Field(default=10.0, description="weight of an error above the band")
    momentum_weight: NonNegative = Field(
        default=0.0, description="weight of the error of linear momentum"
    )
    momentum_threshold: Positive = Field(
        default=1e-6, description="what the relative error of linear momentum is measured in"
    )
    angular_momentum_weight: NonNegative = Field(
        default=0.0, description="weight of the error of angular momentum"
    )
    angular_momentum_threshold: Positive = Field(
        default=1e-6, description="what the relative error of angular momentum is measured in"
    )

    @model_validator(mode="after")
    def _ordered(self) -> LossSection:
        if not self.lower < self.upper:
            raise ValueError(
                f"loss needs lower < upper, got lower={self.lower:g} and upper={self.upper:g}"
            )
        return self


class CollectSection(Section):
    """Phase 1: keyword arguments of `training.collect.collect`."""

    max_attempts: PositiveInt | None = Field(
        default=None, description="attempts per step before the task gives up; none: never"
    )


class GeneralizeSection(Section):
    """Phase 2: keyword arguments of `training.generalize.generalize`."""

    batch_size: PositiveInt = Field(
        default=512, description="recorded samples drawn uniformly a minibatch"
    )
    failing_size: NonNegativeInt = Field(
        default=256, description="samples that failed the last sweep, drawn beside the uniform part"
    )
    sweep_every: PositiveInt = Field(default=25, description="updates between two full sweeps")
    min_iterations: PositiveInt = Field(
        default=100, description="updates of every epoch, even if every sample passes before"
    )
    margin: Annotated[FiniteFloat, Field(gt=0, le=1)] = Field(
        default=1.0,
        description="error that recorded samples must stay below, in units of the threshold",
    )
    max_iterations: PositiveInt | None = Field(
        default=None, description="updates before the task gives up; none: never"
    )


class OrbitsSection(Section):
    """When an orbit begins anew: keyword arguments of `training.orbits.Orbits`."""

    periods: Positive = Field(default=2.0, description="periods until an orbit is at its end")
    at_end: Literal["restart", "stop"] = Field(
        default="restart", description="whether it then restarts elsewhere or stops for good"
    )


class EvaluationSection(Section):
    """What the finished model is judged on; changes no result of the training."""

    held_out: NonNegativeInt = Field(
        default=32, description="systems drawn from the trained range, never trained on"
    )
    periods: Positive = Field(default=3.0, description="periods that every system is followed for")
    max_steps: PositiveInt = Field(
        default=20_000,
        description="steps after which a run is cut short, as those of tight binaries in groups; "
        "but for the fixed step, which repeats itself",
    )
    report_orbits: NonNegative = Field(
        default=30.0, description="orbits of the energy error in the report; 0: no report"
    )
