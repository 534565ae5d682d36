"""States of a simulation file at any times, read in one pass and in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from zarr.storage import LocalStore

from ..errors import UserError
from .simulation_file import SCHEMA


class Samples(NamedTuple):
    """One system at S times."""

    time: np.ndarray
    """With shape (S,) [time]."""
    position: np.ndarray
    """With shape (S, N, D) [length]."""
    dt: np.ndarray
    """Step that was under way [time], with shape (S,)."""
    energy_error: np.ndarray
    """Largest relative energy error since the sample before, with shape (S,)."""
    mass: np.ndarray
    """With shape (N,) [mass]."""
    attributes: dict[str, Any]
    """What made the file."""


class _Rows(NamedTuple):
    """T + 1 consecutive rows of one system, the first of them the last of the block before."""

    time: np.ndarray
    dt: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    energy_error: np.ndarray


def sample(path: Path | str, count: int, *, system: int = 0) -> Samples:
    """A simulation at times evenly spread from its beginning to its end.

    Between two rows the motion is the cubic through both positions with both velocities, as far
    as a leapfrog knows it. A run that blew up ends where it was last finite.

    Arguments:
        path: A simulation file.
        count: Number of times, at least 2.
        system: Which of the systems in it.

    Raises:
        UserError: There is no simulation, it is damaged, it lacks that system, or it is one row.
    """
    path = Path(path)
    group = _open(path)
    try:
        arrays = {name: _array(group, name) for name in (*_Rows._fields, "mass")}
        _check(path, arrays["time"].shape, system)
        ends = _ends(arrays["time"], system)
        if not ends[1] > ends[0]:
            raise UserError(f"{path} has no step of system {system} to show; simulate longer.")
        time = np.linspace(*ends, count)
        mass = np.asarray(arrays.pop("mass")[system])
        blocks = enumerate(_blocks(arrays, system))
        parts = [part for k, block in blocks if (part := _within(block, time, first=k == 0))]
    except (OSError, LookupError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} is damaged ({error}); simulate again.") from None
    position, dt, error = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Samples(time[: len(dt)], position, dt, error, mass, dict(group.attrs))


def _open(path: Path) -> zarr.Group:
    try:
        document = json.loads((path / "zarr.json").read_bytes())
        known = document["attributes"]["schema"] == SCHEMA
    except (OSError, ValueError, TypeError, LookupError):
        known = False
    if not known:
        raise UserError(f"{path} is no simulation file; give one that `simulate --out` has made.")
    return zarr.open_group(LocalStore(path, read_only=True), mode="r")


def _array(group: zarr.Group, name: str) -> zarr.Array:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array


def _check(path: Path, shape: tuple[int, ...], system: int) -> None:
    if not 0 <= system < shape[1]:
        raise UserError(f"{path} holds systems 0 to {shape[1] - 1}, there is no system {system}.")
    if shape[0] < 2:
        raise UserError(f"{path} has {shape[0]} rows, too few to move; simulate longer.")


def _ends(time: zarr.Array, system: int) -> tuple[float, float]:
    """First time, and last finite one."""
    step = time.chunks[0]
    for begin in reversed(range(0, time.shape[0], step)):
        known = np.asarray(time[begin : begin + step, system])
        if np.isfinite(known).any():
            return float(np.asarray(time[0, system])), float(np.nanmax(known))
    return np.nan, np.nan


def _blocks(arrays: dict[str, zarr.Array], system: int) -> Iterator[_Rows]:
    """Chunk by chunk, each with the row before it."""
    rows, step = arrays["time"].shape[0], arrays["time"].chunks[0]
    last = None
    for begin in range(0, rows, step):
        values = (np.asarray(arrays[n][begin : begin + step, system]) for n in _Rows._fields)
        block = _Rows(*values)
        if last is not None:
            block = _Rows(*map(np.concatenate, zip(last, block, strict=True)))
        last = _Rows(*(a[-1:] for a in block))
        yield block


def _within(
    rows: _Rows, time: np.ndarray, *, first: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Position, dt and energy error at those times that lie after the first row of a block.

    The very first time lies on the first row, and belongs to the `first` block.
    """
    wanted = time[(time <= np.nanmax(rows.time)) & ((time > rows.time[0]) | first)]
    if not len(wanted):
        return None
    after = np.searchsorted(rows.time, wanted).clip(1, len(rows.time) - 1)
    return _between(rows, after, wanted), rows.dt[after], _largest(rows, after)


def _between(rows: _Rows, after: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Cubic Hermite interpolation from the row before `after` to it."""
    length = rows.time[after] - rows.time[after - 1]
    s = ((time - rows.time[after - 1]) / length)[:, None, None]
    x0, x1 = rows.position[after - 1], rows.position[after]
    v0, v1 = (length[:, None, None] * rows.velocity[k] for k in (after - 1, after))
    return (
        (1 + 2 * s) * (1 - s) ** 2 * x0
        + s * (1 - s) ** 2 * v0
        + s**2 * (3 - 2 * s) * x1
        - s**2 * (1 - s) * v1
    )


def _largest(rows: _Rows, after: np.ndarray) -> np.ndarray:
    """Largest energy error of the rows up to each sample, from the sample before on."""
    begins = np.concatenate([[0], after[:-1]])
    return np.array(
        [rows.energy_error[b : a + 1].max() for b, a in zip(begins, after, strict=True)]
    )
