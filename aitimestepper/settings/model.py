"""What proposes the step: settings of features, history and network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, NonNegativeInt, model_validator

from .kinds import Numbers, Positive, Positives, Section, Width


class FeaturesSection(Section):
    """What the network sees of a state: a set of `model.features.KINDS`, and its normalisation."""

    kind: Literal["dimensionless", "basic", "rich", "delta_mag"] = Field(
        default="dimensionless", description="set of features"
    )
    centre: Numbers | None = Field(
        default=None, description="subtracted from the features; none: their mean at the start"
    )
    spread: Positives | None = Field(
        default=None, description="divides the features; none: their deviation at the start"
    )

    @model_validator(mode="after")
    def _by_hand(self) -> FeaturesSection:
        if (self.centre is None) != (self.spread is None):
            raise ValueError("features need centre and spread together, or neither")
        if self.centre and self.spread and len(self.centre) != len(self.spread):
            raise ValueError(
                "features need as many numbers in centre as in spread, got "
                f"{len(self.centre)} and {len(self.spread)}"
            )
        return self


class HistorySection(Section):
    """What the network sees of the past: a keyword argument of `model.timestep.LearnedTimeStep`."""

    length: Annotated[NonNegativeInt, Field(le=1000)] = Field(
        default=0, description="past states that the network sees besides the present one"
    )


class NetworkSection(Section):
    """The network: keyword arguments of `model.network.perceptron`."""

    hidden: Annotated[tuple[Width, ...], Field(min_length=1)] = Field(
        default=(64, 64), description="widths of the hidden layers"
    )
    activation: Literal["tanh", "relu", "silu", "gelu"] = Field(
        default="silu", description="activation function"
    )
    dropout: Annotated[FiniteFloat, Field(ge=0, lt=1)] = Field(
        default=0.0, description="share of hidden values dropped in updates, never in judging"
    )
    fourier: Annotated[NonNegativeInt, Field(le=10_000)] = Field(
        default=0, description="random projections whose sine and cosine join the inputs"
    )
    fourier_scale: Positive = Field(
        default=1.0, description="spread of the projections [waves per unit of normalised feature]"
    )


class StepSection(Section):
    """Bounds of the learned step: keyword arguments of `model.timestep.LearnedTimeStep`."""

    eta_min: Positive = Field(default=1e-4, description="smallest dt over free-fall time")
    eta_max: Positive = Field(default=2.0, description="largest dt over free-fall time")
    eta_start: Positive = Field(default=0.2, description="dt over free-fall time before training")

    @model_validator(mode="after")
    def _between(self) -> StepSection:
        if not self.eta_min < self.eta_start < self.eta_max:
            raise ValueError(
                "step needs eta_min < eta_start < eta_max, got "
                f"{self.eta_min:g}, {self.eta_start:g}, {self.eta_max:g}"
            )
        return self
