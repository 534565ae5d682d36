"""The trained model inside a step, and whether it can leave this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import UserError
from ..model.timestep import LearnedTimeStep

if TYPE_CHECKING:
    from ..sources import Step


class Learned(NamedTuple):
    """A trained model and the systems that it was trained on."""

    model: LearnedTimeStep
    bodies: int
    dimensions: int


def learned(step: Step) -> Learned:
    """The model inside a step.

    Raises:
        UserError: The step is a classical rule, or looks at the past.
    """
    model = getattr(step.rule, "model", None)
    if not isinstance(model, LearnedTimeStep) or not step.bodies or not step.dimensions:
        raise UserError(f"{step.source} is a formula and no trained model; give another --model.")
    if model.length:
        raise UserError(
            f"{step.source} looks at {model.length} past states, and an exported step is a "
            "function of the present state alone; give a model with history.length 0."
        )
    return Learned(model, step.bodies, step.dimensions)
