"""The identity of a data set: a hash of its records, however they are stored."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from .rows import Rows
from .schema import ARRAYS, SCHEMA, SCHEMA_VERSION, Sizes

_BLOCK_BYTES = 16 << 20


class RecordStream:
    """SHA-256 over the canonical record stream.

    The stream is schema, version and sizes as JSON, the masses, then one packed little-endian
    record per step with the fields in the order of the schema. It knows no chunks, codecs or
    commit sizes, so the first rows of a longer store have the identity they always had. It is
    over bytes: -0.0 is not 0.0.

    Arguments:
        sizes: B, N and D.
        mass: Masses, float64 with shape (B, N).
    """

    def __init__(self, sizes: Sizes, mass: np.ndarray) -> None:
        self._record = np.dtype(
            [(name, spec.dtype, sizes.shape(spec.dims[1:])) for name, spec in ARRAYS.items()]
        )
        head = json.dumps([SCHEMA, SCHEMA_VERSION, *sizes], separators=(",", ":"))
        self._hash = hashlib.sha256(head.encode() + np.ascontiguousarray(mass, "<f8").tobytes())

    def extended(self, rows: Rows) -> RecordStream:
        """The stream continued by `rows`; this one stays as it is."""
        longer = object.__new__(RecordStream)
        longer._record, longer._hash = self._record, self._hash.copy()
        block = max(1, _BLOCK_BYTES // self._record.itemsize)
        for start in range(0, rows.steps, block):
            longer._hash.update(self._packed(rows.take(slice(start, start + block))))
        return longer

    def _packed(self, rows: Rows) -> bytes:
        records = np.empty(rows.steps, self._record)
        for name, array in zip(ARRAYS, rows, strict=True):
            records[name] = array
        return records.tobytes()

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of everything so far."""
        return self._hash.hexdigest()
