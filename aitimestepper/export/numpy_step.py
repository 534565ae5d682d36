"""The learned time step for one system in plain NumPy: this file and a .npz are all it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from .numpy_features import FEATURES

FORMAT = "aitimestepper-step 1"


@dataclass(frozen=True)
class Parameters:
    """Everything that makes a learned step, as it stands in the file."""

    features: str
    """Set of features, a name of `FEATURES`."""
    activation: str
    """A name of `ACTIVATIONS`."""
    bodies: int
    dimensions: int
    softening: float
    middle: float
    """Centre of the range of log(dt / free-fall time)."""
    reach: float
    """Half of its width."""
    offset: float
    """Added to the output of the network."""
    centre: np.ndarray
    """Subtracted from the features, with shape (F,)."""
    spread: np.ndarray
    """Divides them, with shape (F,)."""
    projection: np.ndarray
    """Fourier features with shape (G, F); G = 0 where there are none."""
    weights: tuple[np.ndarray, ...]
    """Of each layer, with shape (out, in)."""
    biases: tuple[np.ndarray, ...]
    """Of each layer, with shape (out,)."""


class NumpyStep:
    r"""Maps one system to its time step.

    .. math::
        \Delta t = t_\mathrm{ff} \exp\left(c + h \tanh \frac{n(f) + n_0}{h}\right)

    The same number as the model that it was made from, to rounding. It works in buffers of its
    own: give every thread a step of its own (`copy.copy`).

    Arguments:
        parameters: What `load` reads and `aitimestepper.export.to_numpy` makes.

    Raises:
        ValueError: The features or the activation are none that this file knows.
    """

    def __init__(self, parameters: Parameters) -> None:
        p = self.parameters = parameters
        self._features = _known(FEATURES, p.features, "features")
        self._shape = (p.bodies, p.dimensions)
        self._network = _network(p)

    @classmethod
    def load(cls, path: Path | str) -> NumpyStep:
        """Read what `save` wrote; nothing in the file can run code.

        Raises:
            ValueError: The file is not an exported step, or of another version.
        """
        with np.load(path, allow_pickle=False) as file:
            if str(file.get("format")) != FORMAT:
                raise ValueError(f"{path} is not an exported step of the format {FORMAT!r}.")
            layers = range(int(file["layers"]))
            given: dict[str, Any] = {
                field.name: file[field.name].item()
                if not file[field.name].ndim
                else file[field.name]
                for field in fields(Parameters)
                if field.name not in ("weights", "biases")
            }
            given |= {k: tuple(file[f"{k}_{i}"] for i in layers) for k in ("weights", "biases")}
        return cls(Parameters(**given))

    def save(self, path: Path | str) -> None:
        """Write everything to a .npz file, without pickle."""
        values = {field.name: getattr(self.parameters, field.name) for field in fields(Parameters)}
        for name in ("weights", "biases"):
            values |= {f"{name}_{i}": array for i, array in enumerate(values.pop(name))}
        with Path(path).open("wb") as file:
            np.savez(file, format=FORMAT, layers=len(self.parameters.weights), **values)

    def __call__(self, mass: np.ndarray, position: np.ndarray, velocity: np.ndarray) -> float:
        """Step of one system [time]; NaN where the state allows none.

        Arguments:
            mass: Masses, with shape (N,).
            position: Positions [length], with shape (N, D).
            velocity: Velocities [length / time], with shape (N, D).

        Raises:
            ValueError: The system has another N or D than the step was made for.
        """
        if position.shape != self._shape or velocity.shape != self._shape:
            self._refuse(position, velocity)
        p = self.parameters
        try:
            features, log_scale = self._features(mass, position, velocity, p.softening)
            if not math.isfinite(sum(features)):
                return math.nan
            output = self._network(features)
            return math.exp(log_scale + p.middle + p.reach * math.tanh(output / p.reach))
        except (ValueError, ZeroDivisionError, OverflowError):
            return math.nan  # bodies in one place, no energy: mathematics has no answer

    def _refuse(self, position: np.ndarray, velocity: np.ndarray) -> None:
        raise ValueError(
            f"This step is for {self._shape[0]} bodies in {self._shape[1]} dimensions: position "
            f"and velocity with shape {self._shape}, got {position.shape} and {velocity.shape}."
        )

    def __reduce__(self) -> tuple[type[NumpyStep], tuple[Parameters]]:
        """Copies and pickles get buffers of their own."""
        return type(self), (self.parameters,)


def _known(table: dict[str, Any], name: str, what: str) -> Any:
    if name not in table:
        raise ValueError(
            f"The NumPy step knows the {what} {', '.join(table)}, the model has {name}; export it "
            "as .onnx or .pt2."
        )
    return table[name]


def _silu(half: np.ndarray, scratch: np.ndarray) -> None:
    """In place, from x / 2 to x / (1 + exp(-x)) = (1 + tanh(x / 2)) x / 2: no overflow."""
    np.tanh(half, scratch)
    np.multiply(scratch, half, scratch)
    np.add(half, scratch, half)


def _tanh(x: np.ndarray, _: np.ndarray) -> None:
    np.tanh(x, x)


def _relu(x: np.ndarray, _: np.ndarray) -> None:
    np.maximum(x, 0.0, out=x)


def _gelu(half: np.ndarray, scratch: np.ndarray) -> None:
    """In place, from x / 2 to (1 + erf(x / sqrt 2)) x / 2."""
    scratch[:] = [math.erf(math.sqrt(2.0) * h) for h in half.tolist()]
    np.multiply(scratch, half, scratch)
    np.add(half, scratch, half)


ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray, np.ndarray], None], float]] = {
    "silu": (_silu, 0.5),
    "gelu": (_gelu, 0.5),
    "tanh": (_tanh, 1.0),
    "relu": (_relu, 1.0),
}
"""Each activation, and what its input is multiplied by; that goes into the weights."""


def _network(p: Parameters) -> Callable[[Sequence[float]], float]:
    """The network with the normalisation of its features, as one function in fixed buffers.

    Every vector ends in a 1 that the bias multiplies, so that a layer is one product.
    """
    activate, factor = _known(ACTIVATIONS, p.activation, "activations")
    matrices = [factor * _bordered(w, b) for w, b in zip(p.weights, p.biases, strict=True)]
    _normalise(matrices[0], p)
    begin = np.ones(matrices[0].shape[1])
    layers, vector = [], begin
    for matrix in matrices[:-1]:
        target = np.ones(len(matrix) + 1)
        layers.append((matrix, vector, target[:-1], np.empty(len(matrix))))
        vector = target
    last, end, dot = matrices[-1][0] / factor, vector, np.dot
    inputs, waves = begin[: len(p.centre)], _waves(p, begin)

    def run(features: Sequence[float]) -> float:
        inputs[:] = features
        if waves:
            waves()
        for matrix, vector, out, scratch in layers:
            dot(matrix, vector, out)
            activate(out, scratch)
        return dot(last, end).item() + p.offset

    return run


def _bordered(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.concatenate([weight, bias[:, None]], 1), "f8")


def _normalise(matrix: np.ndarray, p: Parameters) -> None:
    """Let the first layer take features as they are: (f - centre) / spread goes into it."""
    scaled = matrix[:, : len(p.centre)] / p.spread
    matrix[:, : len(p.centre)] = scaled
    matrix[:, -1] -= scaled @ p.centre


def _waves(p: Parameters, begin: np.ndarray) -> Callable[[], None] | None:
    """Writes the Fourier features beside the features in the input of the network."""
    count, waves = len(p.centre), len(p.projection)
    if not waves:
        return None
    matrix = 2 * math.pi * p.projection / p.spread
    shift, phases = matrix @ p.centre, np.empty(waves)
    inputs, cosines, sines = np.split(begin[:-1], [count, count + waves])

    def run() -> None:
        np.dot(matrix, inputs, phases)
        np.subtract(phases, shift, phases)
        np.cos(phases, cosines)
        np.sin(phases, sines)

    return run
