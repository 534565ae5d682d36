"""The file a simulation writes while it runs, open to Zarr and xarray."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import zarr
from zarr.storage import LocalStore

from aitimestepper.errors import UserError

from .document import array_documents, group_document
from .durable import write_file
from .errors import StoreError, not_written
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
_STATE = "mass/.resume.npz"
"""In the folder of an array: readers take a stray file in that of a group for damage."""
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
    block, Ctrl-C included, and then holds everything appended up to there. The root document is
    what readers go by, and it is replaced after the rows that it speaks of are written: a full
    disk or a killed process leaves the rows before them readable.
    """

    def __init__(self, path: Path, group: zarr.Group, sizes: Sizes, rows: int = 0) -> None:
        self.path = path
        self.rows = rows
        """Rows on disk; up to one chunk more wait in memory."""
        self._state: Mapping[str, np.ndarray] | None = None
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
        sizes = Sizes(mass.shape[0], mass.shape[1], dimensions)
        own = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "units": UNITS}
        try:
            _check_free(path, overwrite=overwrite)
            if path.exists():
                shutil.rmtree(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            group = zarr.create_group(LocalStore(path), attributes={**attributes, **own})
            _make_arrays(group, sizes, mass)
            file = cls(path, group, sizes)
            file._seal()
        except OSError as error:
            raise not_written(path, error) from error
        return file

    @classmethod
    def reopen(cls, path: Path | str) -> tuple[SimulationFile, dict[str, np.ndarray] | None]:
        """Open a file whose run was interrupted, as it stood when rows were last written.

        Returns:
            The file, and the `state` that was appended with its last row; None where the run
            had come to its end.

        Raises:
            StoreError: There is no simulation file, it is damaged, or it cannot be written.
        """
        path = Path(path)
        if not _is_simulation(path):
            raise StoreError(f"{path} is no simulation file; leave out --resume to start one")
        state = _load_state(path / _STATE)
        try:
            group = zarr.open_group(LocalStore(path), mode="r+", use_consolidated=False)
            shape = _array(group, "position").shape
            file = cls(
                path, group, Sizes(*shape[1:]), int(state["file_rows"]) if state else shape[0]
            )
            for array in file._arrays.values():
                array.resize((file.rows, *array.shape[1:]))
        except OSError as error:
            raise not_written(path, error) from error
        except (ValueError, LookupError, AssertionError) as error:
            raise StoreError(f"{path} is damaged ({error}); give another --out") from None
        file._state = state
        return file, state

    @property
    def attributes(self) -> dict[str, Any]:
        """What made it."""
        return dict(self._attributes)

    @property
    def initial(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Masses (B, N), and the positions and velocities (B, N, D) of row 0."""
        mass = zarr.open_array(self.path / "mass", mode="r")
        position, velocity = self._arrays["position"], self._arrays["velocity"]
        return np.asarray(mass[:]), np.asarray(position[0]), np.asarray(velocity[0])

    def append(
        self,
        time: np.ndarray,
        dt: np.ndarray,
        position: np.ndarray,
        velocity: np.ndarray,
        energy_error: np.ndarray,
        *,
        state: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Add T rows.

        Arguments:
            time: Time of each row [time], with shape (T, B).
            dt: Step that led to it [time], with shape (T, B).
            position: Positions [length], with shape (T, B, N, D).
            velocity: Velocities [length / time], with shape (T, B, N, D).
            energy_error: Relative energy error, with shape (T, B).
            state: What it takes to go on after these rows, for `reopen`; kept in one file that is
                replaced whenever rows are written.

        Raises:
            ValueError: The shapes do not belong together.
            StoreError: The disk does not take them.
        """
        block = _Block(*map(np.array, (time, dt, position, velocity, energy_error)))
        _check_shapes(block, self._sizes)
        self._waiting.append(block)
        self._state = None if state is None else dict(state)
        if sum(len(block.time) for block in self._waiting) >= self._chunk:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        whole = _Block(*map(np.concatenate, zip(*self._waiting, strict=True)))
        end = self.rows + len(whole.time)
        try:
            for array, values in zip(self._arrays.values(), whole, strict=True):
                array.resize((end, *array.shape[1:]))
                array[self.rows :] = values
            self._keep_state(end)
            self.rows = end
            self._seal()
        except OSError as error:
            raise not_written(self.path, error, state=f"{self.rows} rows are there") from error
        self._waiting = []  # only now: Ctrl-C while writing must not lose them

    def _keep_state(self, rows: int) -> None:
        if self._state is None:
            return
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{**self._state, "file_rows": np.array(rows)})
        write_file(self.path / _STATE, buffer.getbuffer())

    def _seal(self) -> None:
        """Write the metadata that lets readers open the file at once, with the rows on disk."""
        documents = array_documents(self.path)
        for name in _ARRAYS:
            documents[name]["shape"][0] = self.rows
        document = group_document(self._attributes, documents)
        write_file(self.path / "zarr.json", json.dumps(document, indent=1).encode())

    def finish(self) -> None:
        """Say that the run has come to its end: there is nothing to go on from."""
        self._flush()
        (self.path / _STATE).unlink(missing_ok=True)

    def close(self) -> None:
        """Write what still waits.

        Raises:
            StoreError: The disk does not take them.
        """
        self._flush()

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


def _load_state(path: Path) -> dict[str, np.ndarray] | None:
    """What was kept to go on from, if there is something."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path} is damaged ({error}); start again with --overwrite") from None


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
