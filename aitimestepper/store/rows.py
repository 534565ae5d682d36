"""Recorded steps in memory, and the door that lets only sound ones in."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from .errors import SchemaMismatch, StoreError
from .schema import ARRAYS, ArraySpec, Sizes


class Rows(NamedTuple):
    """T lockstep steps of B orbits with N bodies in D dimensions."""

    position: np.ndarray
    """Before the step [length], float64 with shape (T, B, N, D)."""
    velocity: np.ndarray
    """Before the step [length / time], float64 with shape (T, B, N, D)."""
    time: np.ndarray
    """Before the step [time], float64 with shape (T, B)."""
    dt: np.ndarray
    """Accepted step [time], float64 with shape (T, B)."""
    energy_error: np.ndarray
    """Relative and dimensionless, float64 with shape (T, B)."""
    attempts: np.ndarray
    """Tries until accepted, int32 with shape (T, B)."""
    epoch: np.ndarray
    """Epoch that recorded the step, int32 with shape (T,)."""
    flags: np.ndarray
    """Bit 0 episode start, bit 1 warm-up, bit 2 stopped, uint8 with shape (T, B)."""

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return self.time.shape[0]

    def take(self, steps: slice) -> Rows:
        """Some of the steps, as views."""
        return Rows(*(array[steps] for array in self))


def no_rows(sizes: Sizes) -> Rows:
    """Zero steps."""
    return Rows(
        *(np.empty((0, *sizes.shape(spec.dims[1:])), spec.dtype) for spec in ARRAYS.values())
    )


def admit(path: Path, rows: Rows, sizes: Sizes) -> Rows:
    """Rows in the types of the store.

    Raises:
        SchemaMismatch: An array has another shape, or values that its type cannot hold.
        StoreError: A value is not finite.
    """
    steps = len(rows.time)
    return Rows(
        *(
            _admit_array(path / name, np.asarray(array), spec, (steps, *sizes.shape(spec.dims[1:])))
            for (name, spec), array in zip(ARRAYS.items(), rows, strict=True)
        )
    )


def _admit_array(
    path: Path, array: np.ndarray, spec: ArraySpec, shape: tuple[int, ...]
) -> np.ndarray:
    if array.shape != shape:
        raise SchemaMismatch(f"{path}: rows have shape {array.shape}, the store needs {shape}")
    if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        where = dict(zip(spec.dims, map(int, np.argwhere(~finite)[0]), strict=True))
        raise StoreError(
            f"{path}: refused {array[tuple(where.values())]} at {where}; "
            "only finite values are recorded, and nothing was written"
        )
    with np.errstate(invalid="ignore"):  # the comparison below is the check
        fitting = np.ascontiguousarray(array, spec.dtype)
    if fitting.dtype != array.dtype and not np.array_equal(fitting, array):
        raise SchemaMismatch(f"{path}: {array.dtype} values do not fit the store's {spec.dtype}")
    return fitting
