"""The file a simulation writes while it runs, open to Zarr and xarray."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import zarr
from zarr.storage import LocalStore

from aitimestepper.errors import UserError

from .document import array_documents, group_document
from .durable import write_file
from .errors import not_written
from .schema import UNITS, ArraySpec, Sizes, make_array, steps_per_chunk

SCHEMA = "aitimestepper-simulation"
SCHEMA_VERSION = 1

_PHASE = ("step", "system", "body", "axis")
_SCALAR = ("step", "system")
_ARRAYS = {
    "time": ArraySpec(_SCALAR, "<f8", np.nan, {"units": "time"}),
    "dt": ArraySpec(_SCALAR, "<f8", np.nan, {"units": "time", "long_name": "step that led here"}),
    "position": ArraySpec(_PHASE, "<f8", np.nan, {"units": "length"}),
    "velocity": ArraySpec(_PHASE, "<f8", np.nan, {"units": "length/time"}),
    "energy_error": ArraySpec(
        _SCALAR, "<f8", np.nan, {"units": "1", "long_name": "relative energy error"}
    ),
}
_MASS = ArraySpec(("system", "body"), "<f8", np.nan, {"units": "mass"})


class _Block(NamedTuple):
    """T rows, in the order of `_ARRAYS`."""

    time: np.ndarray
    dt: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    energy_error: np.ndarray


class SimulationFile:
    """A simulation on disk, appended to in blocks; row 0 is the initial state, with dt = 0.

    Memory stays bounded by one chunk. As a context manager it is closed by whatever ends the
    block, Ctrl-C included, and then holds everything appended up to there.
    """

    def __init__(self, path: Path, group: zarr.Group, sizes: Sizes) -> None:
        self.path = path
        self.rows = 0
        """Rows on disk; up to one chunk more wait in memory."""
        self._arrays = {name: _array(group, name) for name in _ARRAYS}
        self._sizes, self._chunk = sizes, steps_per_chunk(sizes)
        self._waiting: list[_Block] = []
        self._attributes = dict(group.attrs)

    @classmethod
    def create(
        cls,
        path: Path | str,
        mass: np.ndarray,
        dimensions: int,
        *,
        attributes: dict[str, Any],
        overwrite: bool = False,
    ) -> SimulationFile:
        """Start an empty file.

        Arguments:
            path: Where; ends in ".zarr" by custom.
            mass: Masses [mass], with shape (B, N).
            dimensions: Number of spatial dimensions D.
            attributes: What made it (model, scheme, settings); plain JSON values.
            overwrite: Replace an earlier simulation at `path`.

        Raises:
            UserError: Something is there that must not be replaced.
            StoreError: Nothing can be written there.
        """
        path, mass = Path(path), np.ascontiguousarray(mass, "<f8")
        _check_free(path, overwrite=overwrite)
        sizes = Sizes(mass.shape[0], mass.shape[1], dimensions)
        own = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "units": UNITS}
        try:
            if path.exists():
                shutil.rmtree(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            group = zarr.create_group(LocalStore(path), attributes={**attributes, **own})
            _make_arrays(group, sizes, mass)
        except OSError as error:
            raise not_written(path, error) from error
        return cls(path, group, sizes)

    def append(
        self,
        time: np.ndarray,
        dt: np.ndarray,
        position: np.ndarray,
        velocity: np.ndarray,
        energy_error: np.ndarray,
    ) -> None:
        """Add T rows.

        Arguments:
            time: Time of each row [time], with shape (T, B).
            dt: Step that led to it [time], with shape (T, B).
            position: Positions [length], with shape (T, B, N, D).
            velocity: Velocities [length / time], with shape (T, B, N, D).
            energy_error: Relative energy error, with shape (T, B).

        Raises:
            ValueError: The shapes do not belong together.
            StoreError: The disk does not take them.
        """
        block = _Block(*map(np.array, (time, dt, position, velocity, energy_error)))
        _check_shapes(block, self._sizes)
        self._waiting.append(block)
        if sum(len(block.time) for block in self._waiting) >= self._chunk:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        whole = _Block(*map(np.concatenate, zip(*waiting, strict=True)))
        end = self.rows + len(whole.time)
        try:
            for array, values in zip(self._arrays.values(), whole, strict=True):
                array.resize((end, *array.shape[1:]))
                array[self.rows :] = values
        except OSError as error:
            raise not_written(self.path, error, state=f"{self.rows} rows are there") from error
        self.rows = end

    def close(self) -> None:
        """Write what still waits, and the metadata that lets readers open the file at once.

        Raises:
            StoreError: The disk does not take them.
        """
        self._flush()
        document = group_document(self._attributes, array_documents(self.path))
        try:
            write_file(self.path / "zarr.json", json.dumps(document, indent=1).encode())
        except OSError as error:
            raise not_written(self.path, error) from error

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def _array(group: zarr.Group, name: str) -> zarr.Array:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array


def _make_arrays(group: zarr.Group, sizes: Sizes, mass: np.ndarray) -> None:
    row = {2: (sizes.orbits,), 4: tuple(sizes)}
    for name, spec in _ARRAYS.items():
        shape = row[len(spec.dims)]
        make_array(group, name, spec, (0, *shape), (steps_per_chunk(sizes), *shape))
    make_array(group, "mass", _MASS, mass.shape, mass.shape)[:] = mass


def _check_free(path: Path, *, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise UserError(f"{path} exists; give another --out or add --overwrite")
    if not _is_simulation(path):
        raise UserError(f"{path} is no simulation file and is not overwritten; give another --out")


def _is_simulation(path: Path) -> bool:
    """Whether removing `path` removes an earlier simulation and not, say, a home folder."""
    try:
        return json.loads((path / "zarr.json").read_bytes())["attributes"]["schema"] == SCHEMA
    except (OSError, ValueError, TypeError, LookupError):
        return False


def _check_shapes(block: _Block, sizes: Sizes) -> None:
    scalar = (len(block.time), sizes.orbits)
    phase = (*scalar, sizes.bodies, sizes.dimensions)
    for name, spec in _ARRAYS.items():
        shape, expected = getattr(block, name).shape, phase if spec.dims == _PHASE else scalar
        if shape != expected:
            raise ValueError(f"{name} has shape {shape}, expected {expected}; T rows of B systems.")
