"""What the network of a NumPy step sees of one system; scalars where bodies are few."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .numpy_statistics import Described, basic, rich

_FEW_PAIRS = 6
_NEARLY_CIRCULAR = 0.01


def _dimensionless(
    mass: np.ndarray, position: np.ndarray, velocity: np.ndarray, softening: float
) -> Described:
    """The features of `aitimestepper.model.features.Dimensionless`, and log free-fall time.

    Pair by pair, the energy too: kinetic energy in the centre-of-mass frame is the sum of
    m_i m_j v_ij^2 / 2 M over pairs.
    """
    if len(mass) * (len(mass) - 1) > 2 * _FEW_PAIRS:
        return _dimensionless_of_many(mass, position, velocity, softening)
    m, x, v = mass.tolist(), position.tolist(), velocity.tolist()
    whole, energy, pairs = sum(m), 0.0, []
    for i in range(len(m) - 1):
        for j in range(i + 1, len(m)):
            square, speed, rate = softening * softening, 0.0, 0.0
            for a, b, c, d in zip(x[i], x[j], v[i], v[j]):  # noqa: B905 - a tenth of the time
                b -= a
                d -= c
                square += b * b
                speed += d * d
                rate += b * d
            product, r = m[i] * m[j], math.sqrt(square)
            energy += product * (0.5 * speed / whole - 1.0 / r)
            pairs.append((m[i] + m[j], product, r, square, speed, rate))
    if len(pairs) == 1:
        fall, *columns = _columns(pairs[0], abs(energy), softening)
        return columns, fall
    rows = sorted((_row(pair, abs(energy), softening, whole) for pair in pairs), key=_first)
    falls, *columns = zip(*rows)  # noqa: B905
    first = falls[0]
    return [f for column in columns for f in column] + [f - first for f in falls[1:]], first


def _row(pair: tuple[float, ...], energy: float, softening: float, whole: float) -> list[float]:
    """Log free-fall time and features of one pair of several; A and B have no bound there."""
    fall, a, b, *rest = _columns(pair, energy, softening)
    share = pair[0] / whole, 4 * pair[1] / pair[0] ** 2
    return [fall, math.asinh(a), math.asinh(b), *rest, *share]


def _first(row: Sequence[float]) -> float:
    return row[0]


def _columns(pair: tuple[float, ...], energy: float, softening: float) -> list[float]:
    """Log free-fall time and features of one pair."""
    total, product, r, square, speed, rate = pair
    radial = rate / r
    transverse = max(speed - radial * radial, 0.0)
    a = transverse * r / total - 1.0
    b = radial * math.sqrt(transverse) * r / total
    small = _NEARLY_CIRCULAR
    columns = [
        1.5 * math.log(r) - 0.5 * math.log(total),
        a,
        b,
        math.asinh(a / small),
        math.asinh(b / small),
        math.log(a * a + b * b + small * small),
        math.log(energy * r / product),
    ]
    if softening:
        columns.append(softening * softening / square)
    return columns


@np.errstate(all="ignore")  # what has no answer is NaN, and said once, by the caller
def _dimensionless_of_many(
    mass: np.ndarray, position: np.ndarray, velocity: np.ndarray, softening: float
) -> Described:
    """The same for many pairs, as arrays."""
    i, j = np.triu_indices(len(mass), 1)
    x, v = position[j] - position[i], velocity[j] - velocity[i]
    total, product = mass[i] + mass[j], mass[i] * mass[j]
    square = (x * x).sum(-1) + softening**2
    speed, r, whole = (v * v).sum(-1), np.sqrt(square), mass.sum()
    energy = abs((product * (0.5 * speed / whole - 1.0 / r)).sum())
    radial = (x * v).sum(-1) / r
    transverse = np.maximum(speed - radial * radial, 0.0)
    a = transverse * r / total - 1.0
    b = radial * np.sqrt(transverse) * r / total
    small = _NEARLY_CIRCULAR
    near = [np.arcsinh(a / small), np.arcsinh(b / small), np.log(a * a + b * b + small * small)]
    columns = [np.arcsinh(a), np.arcsinh(b), *near, np.log(energy * r / product)]
    if softening:
        columns.append(softening**2 / square)
    columns += [total / whole, 4 * product / total**2]
    fall = 1.5 * np.log(r) - 0.5 * np.log(total)
    order = fall.argsort(kind="stable")
    first = fall[order[0]]
    return np.concatenate([*(c[order] for c in columns), fall[order[1:]] - first]).tolist(), float(
        first
    )


FEATURES: dict[str, Callable[..., Described]] = {
    "dimensionless": _dimensionless,
    "basic": basic,
    "rich": rich,
}
"""Each set of features: from mass, position, velocity, softening to them and log free-fall time."""
