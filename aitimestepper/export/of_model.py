"""From the trained torch model to the step in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from ..errors import UserError
from ..model.features import KINDS
from ..model.network import ACTIVATIONS, FourierFeatures
from .learned import learned
from .numpy_step import NumpyStep, Parameters

if TYPE_CHECKING:
    from ..sources import Step


def to_numpy(step: Step) -> NumpyStep:
    """The same step for plain arrays, without torch.

    Arguments:
        step: What `aitimestepper.load` gives for a trained model.

    Raises:
        UserError: The step is no trained model, or has parts that the NumPy step does not know.
    """
    model, bodies, dimensions = learned(step)
    layers = [layer for layer in model.network.children() if not isinstance(layer, nn.Dropout)]
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    parameters = Parameters(
        features=_name(KINDS, model.features),
        activation=_activation(layers),
        bodies=bodies,
        dimensions=dimensions,
        softening=model.features.field.softening,
        middle=model.middle,
        reach=model.reach,
        offset=model.offset,
        centre=_array(model.centre),
        spread=_array(model.spread),
        projection=_projection(layers[0], len(model.centre)),
        weights=tuple(_array(layer.weight) for layer in linear),
        biases=tuple(_array(layer.bias) for layer in linear),
    )
    try:
        return NumpyStep(parameters)
    except ValueError as error:
        raise UserError(str(error)) from None


def _name(kinds: Mapping[str, type], part: object) -> str:
    return next(name for name, kind in kinds.items() if type(part) is kind)


def _activation(layers: list[nn.Module]) -> str:
    known = tuple(ACTIVATIONS.values())
    return _name(ACTIVATIONS, next(layer for layer in layers if isinstance(layer, known)))


def _projection(first: nn.Module, size: int) -> np.ndarray:
    return _array(first.projection) if isinstance(first, FourierFeatures) else np.empty((0, size))


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy().copy()
