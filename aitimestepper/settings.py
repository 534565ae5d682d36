"""The settings of a run: plain frozen data, the same on every machine.

A section has exactly the keyword arguments of one library function. `RunConfig` is the parameter
of every flow; a `BaseSettings` that crossed a flow boundary would read the environment again on
the worker and silently change the run.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
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
Width = Annotated[PositiveInt, Field(le=10_000)]
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


class InitialConditionsSection(Section):
    """Where orbits begin: keyword arguments of `physics.initial_conditions.KeplerOrbits`."""

    eccentricity: Eccentricities = Field(default=(0.0, 0.9), description="range of eccentricities")
    semi_major_axis: PositiveRange = Field(
        default=(0.5, 2.0), description="range of semi-major axes [length]"
    )
    mass_ratio: PositiveRange = Field(default=(0.1, 1.0), description="range of m2 / m1")
    total_mass: Positive = Field(default=1.0, description="m1 + m2 [mass], G = 1")
    dimensions: Literal[2, 3] = Field(default=2, description="dimensions of space")


class FieldSection(Section):
    """What pushes: keyword arguments of `physics.gravity.Gravity`."""

    softening: Annotated[FiniteFloat, Field(ge=0)] = Field(
        default=0.0, description="Plummer softening length [length]"
    )


class GateSection(Section):
    """How a step is judged: keyword arguments of `physics.gate.Gate`."""

    probes: PositiveInt = Field(
        default=4, description="fractions of dt at which the energy error is probed, the last at dt"
    )


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


class OptimizerSection(Section):
    """How the weights move: keyword arguments of `training.optimiser.Optimiser`."""

    kind: Literal["adam", "adamw", "sgd"] = Field(default="adam", description="optimiser")
    learning_rate: Positive = Field(default=5e-3, description="learning rate of the first update")
    slowing: Positive = Field(
        default=500.0, description="updates after which the learning rate begins to fall"
    )
    clip: Positive = Field(default=1.0, description="largest norm of the gradient")
    weight_decay: Annotated[FiniteFloat, Field(ge=0)] = Field(
        default=0.0, description="pull of the weights towards zero"
    )
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
    momentum_weight: Annotated[FiniteFloat, Field(ge=0)] = Field(
        default=0.0, description="weight of the error of linear momentum"
    )
    momentum_threshold: Positive = Field(
        default=1e-6, description="what the relative error of linear momentum is measured in"
    )
    angular_momentum_weight: Annotated[FiniteFloat, Field(ge=0)] = Field(
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
        description="run the network through torch.compile, and say whether that helps",
    )
    initial_conditions: InitialConditionsSection = InitialConditionsSection()
    field: FieldSection = FieldSection()
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
