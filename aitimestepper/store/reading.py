"""The verified read of a trajectory store, which is also the training load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from zarr.storage import LocalStore

from .document import RESTORE, Commit, Document, Header
from .errors import StoreCorrupt, StoreError
from .identity import RecordStream
from .rows import Rows
from .schema import ARRAYS


class Recorded(NamedTuple):
    """Rows that were read and found to be what was committed."""

    rows: Rows
    mass: np.ndarray
    """Masses, float64 with shape (B, N)."""
    header: Header
    commit: Commit
    """The last commit, even where fewer rows were asked for."""
    identity: str
    """Of exactly these rows: "uuid@rows:sha256"."""
    stream: RecordStream
    """Of exactly these rows, to be continued."""


def read_recorded(path: Path, document: Document, rows: int | None = None) -> Recorded:
    """Read all committed rows, verify them, and hand back the first `rows` of them.

    Raises:
        StoreError: More rows were asked for than are committed.
        StoreCorrupt: Committed data are missing or altered.
    """
    header, commit = document.header, document.commit
    wanted = commit.rows if rows is None else rows
    if not 0 <= wanted <= commit.rows:
        raise StoreError(f"{path}: {wanted} rows asked for, {commit.rows} are committed")
    arrays = _read_arrays(path, document)
    mass, everything = arrays.pop("mass"), Rows(**arrays)
    part = everything.take(slice(wanted))
    stream = RecordStream(header.sizes, mass).extended(part)
    if stream.extended(everything.take(slice(wanted, None))).sha256 != commit.sha256:
        raise StoreCorrupt(_difference(path, document))
    identity = f"{header.uuid}@{wanted}:{stream.sha256}"
    return Recorded(part, mass, header, commit, identity, stream)


def _read_arrays(path: Path, document: Document) -> dict[str, np.ndarray]:
    """Every array up to the committed row; also beside a writer, which only adds beyond it."""
    store = LocalStore(path, read_only=True)
    steps = document.commit.rows
    arrays = {}
    for name in ("mass", *ARRAYS):
        check_metadata(path, document, name)
        try:
            stored = zarr.open_array(store, path=name, mode="r")
            arrays[name] = np.asarray(stored[:steps] if name in ARRAYS else stored[:])
        except OSError as error:
            raise StoreError(
                f"{path / name}: cannot be read ({error.strerror}); make it readable, or {RESTORE}"
            ) from error
        except Exception as error:  # decoders raise whatever they like on damaged bytes
            raise StoreCorrupt(f"{path / name}: {error}; {RESTORE}") from error
    return arrays


def check_metadata(path: Path, document: Document, name: str) -> int:
    """Compare an array's own `zarr.json` with the root document; return its row count.

    Raises:
        StoreCorrupt: It is missing, damaged, or says something else.
    """
    file = path / name / "zarr.json"
    try:
        own: dict[str, Any] = json.loads(file.read_bytes())
        rows = own["shape"][0]
        agrees = {**own, "shape": [0, *own["shape"][1:]]} == _rowless(document.metadata(name))
    except (OSError, ValueError, TypeError, LookupError):
        raise StoreCorrupt(f"{file}: missing or not readable; {RESTORE}") from None
    if not agrees or not isinstance(rows, int) or rows < document.metadata(name)["shape"][0]:
        raise StoreCorrupt(f"{file}: does not agree with the root document; {RESTORE}")
    return rows


def _rowless(metadata: dict[str, Any]) -> dict[str, Any]:
    return {**metadata, "shape": [0, *metadata["shape"][1:]]}


def _difference(path: Path, document: Document) -> str:
    steps, per_chunk = document.commit.rows, document.steps_per_chunk
    for name, spec in ARRAYS.items():
        for chunk in range(-(-steps // per_chunk)):
            if not (path / name / chunk_name(chunk, len(spec.dims))).exists():
                return f"{path / name}: chunk {chunk} is missing; {RESTORE}"
    return f"{path}: the {steps} committed rows are not those of their sha256; {RESTORE}"


def chunk_name(chunk: int, ndim: int) -> str:
    """File name of a chunk along the step axis; the other axes are never split."""
    return ".".join(["c", str(chunk), *["0"] * (ndim - 1)])
