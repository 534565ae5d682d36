"""Which arrays a trajectory store has, with their axes, units and encoding."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

SCHEMA = "aitimestepper-trajectory"
SCHEMA_VERSION = 1

EPISODE_START = 1
"""Bit of `flags`: the orbit was restarted from new initial conditions at this step."""
WARM_UP = 2
"""Bit of `flags`: the history of the orbit was not yet full at this step."""
STOPPED = 4
"""Bit of `flags`: the orbit had come to its end; the row repeats its last state, with dt = 0."""

UNITS = {"system": "N-body units, G = 1 (Heggie & Mathieu 1986)", "G": 1}
CHUNK_BYTES = 256 << 10


class Sizes(NamedTuple):
    """The axes that never grow."""

    orbits: int
    bodies: int
    dimensions: int

    def shape(self, dims: tuple[str, ...]) -> tuple[int, ...]:
        """Lengths of the axes named in `dims`."""
        known = {"orbit": self.orbits, "particle": self.bodies, "axis": self.dimensions}
        return tuple(known[dim] for dim in dims)


class ArraySpec(NamedTuple):
    """One array of the store."""

    dims: tuple[str, ...]
    dtype: str
    fill: float
    """A value that no committed row holds, so that a missing chunk cannot pass for data."""
    attributes: dict[str, Any]


_PHASE = ("step", "orbit", "particle", "axis")
_SCALAR = ("step", "orbit")
_FLAGS = {
    "flag_masks": [EPISODE_START, WARM_UP, STOPPED],
    "flag_meanings": "episode_start warm_up stopped",
}


def _described(units: str, meaning: str, **more: Any) -> dict[str, Any]:
    return {"units": units, "long_name": meaning, **more}


ARRAYS = {
    "position": ArraySpec(_PHASE, "<f8", np.nan, _described("length", "position before the step")),
    "velocity": ArraySpec(
        _PHASE, "<f8", np.nan, _described("length/time", "velocity before the step")
    ),
    "time": ArraySpec(_SCALAR, "<f8", np.nan, _described("time", "time before the step")),
    "dt": ArraySpec(_SCALAR, "<f8", np.nan, _described("time", "accepted time step")),
    "energy_error": ArraySpec(
        _SCALAR, "<f8", np.nan, _described("1", "relative energy error of the step")
    ),
    "attempts": ArraySpec(_SCALAR, "<i4", -1, _described("1", "tries until accepted")),
    "epoch": ArraySpec(("step",), "<i4", -1, _described("1", "epoch that recorded the step")),
    "flags": ArraySpec(_SCALAR, "<u1", 255, _described("1", "marks of the step", **_FLAGS)),
}
"""The arrays that grow, in the order of the canonical record stream."""

MASS = ArraySpec(("orbit", "particle"), "<f8", np.nan, _described("mass", "mass of each body"))


def steps_per_chunk(sizes: Sizes) -> int:
    """Steps in a chunk, a power of two, so that a chunk of positions is about 256 KiB."""
    step_bytes = 8 * sizes.orbits * sizes.bodies * sizes.dimensions
    return int(2 ** np.clip(np.round(np.log2(CHUNK_BYTES / step_bytes)), 0, 13))


def make_array(
    group: zarr.Group, name: str, spec: ArraySpec, shape: tuple[int, ...], chunks: tuple[int, ...]
) -> zarr.Array:
    """Create an array with the codecs of every file that we write.

    The checksum comes last, over the compressed bytes: Blosc alone hands back a flipped bit
    as data. The separator keeps all chunks of an array in one folder, one fsync for all.
    """
    item = np.dtype(spec.dtype).itemsize
    blosc = BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle", typesize=item)
    return group.create_array(
        name,
        shape=shape,
        chunks=chunks,
        dtype=spec.dtype,
        fill_value=spec.fill,
        dimension_names=spec.dims,
        attributes=spec.attributes,
        compressors=[blosc, Crc32cCodec()],
        chunk_key_encoding={"name": "default", "separator": "."},
    )


def make_arrays(group: zarr.Group, sizes: Sizes, mass: np.ndarray) -> None:
    """Create every array of an empty trajectory store, and write the masses."""
    steps = steps_per_chunk(sizes)
    for name, spec in ARRAYS.items():
        row = sizes.shape(spec.dims[1:])
        make_array(group, name, spec, (0, *row), (steps, *row))
    make_array(group, "mass", MASS, mass.shape, mass.shape)[:] = mass
