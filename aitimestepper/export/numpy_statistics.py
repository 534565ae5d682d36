"""Statistics of one system for the network of a NumPy step: the features basic and rich."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Described = tuple[list[float], float]
"""Features, with F entries, and the logarithm of the free-fall time."""


def basic(
    mass: np.ndarray, position: np.ndarray, velocity: np.ndarray, softening: float
) -> Described:
    """The features of `aitimestepper.model.features.Basic`, and log free-fall time."""
    (*of_bodies, distance, _), fall = _quantities(mass, position, velocity, softening)
    numbers = [f(q) for q in of_bodies for f in (np.mean, np.max)]
    return _shown([*numbers, distance.min()]), fall


def rich(
    mass: np.ndarray, position: np.ndarray, velocity: np.ndarray, softening: float
) -> Described:
    """The features of `aitimestepper.model.features.Rich`, and log free-fall time."""
    quantities, fall = _quantities(mass, position, velocity, softening)
    statistics: tuple[Callable[..., float], ...] = (np.min, np.mean, np.max, np.std)
    return _shown([f(q) for q in (*quantities, mass) for f in statistics]), fall


def _shown(numbers: Sequence[Any]) -> list[float]:
    return np.arcsinh(numbers).tolist()


@np.errstate(all="ignore")  # what has no answer is NaN, and said once, by the caller
def _quantities(
    mass: np.ndarray, position: np.ndarray, velocity: np.ndarray, softening: float
) -> tuple[list[np.ndarray], float]:
    """Radii, speeds, accelerations (N,), distances and their rates (P,); log free-fall time."""
    i, j = np.triu_indices(len(mass), 1)
    x, v = position[j] - position[i], velocity[j] - velocity[i]
    square = (x * x).sum(-1) + softening**2
    distance = np.sqrt(square)
    pull = x / (square * distance)[:, None]
    acceleration = np.zeros_like(position)
    np.add.at(acceleration, i, mass[j, None] * pull)
    np.add.at(acceleration, j, -mass[i, None] * pull)
    whole = mass.sum()
    place, drift = mass @ position / whole, mass @ velocity / whole
    sizes = [_lengths(u) for u in (position - place, velocity - drift, acceleration)]
    fall = (1.5 * np.log(distance) - 0.5 * np.log(mass[i] + mass[j])).min()
    return [*sizes, distance, (x * v).sum(-1) / distance], float(fall)


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt((vectors * vectors).sum(-1))
