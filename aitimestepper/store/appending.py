"""Rows written beyond the committed ones, and cut off again when no commit followed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import zarr

from .document import RESTORE, Document
from .durable import DurableStore, sync_folder, write_file
from .errors import StoreCorrupt
from .reading import check_metadata, chunk_name
from .rows import Rows
from .schema import ARRAYS


def append_rows(path: Path, document: Document, start: int, rows: Rows) -> None:
    """Write `rows` from row `start` on; durable, but invisible until `document` is the root's.

    Raises:
        OSError: Not everything could be written.
        StoreCorrupt: The chunk to be continued is missing or altered.
    """
    store = DurableStore(path)

    def append(named: tuple[str, np.ndarray]) -> None:
        _append_array(store, document, start, *named)

    with ThreadPoolExecutor(len(ARRAYS)) as pool:  # mostly waiting for fsync
        list(pool.map(append, rows._asdict().items()))
    store.barrier()


def _append_array(
    store: DurableStore, document: Document, start: int, name: str, values: np.ndarray
) -> None:
    per_chunk = document.steps_per_chunk
    last = store.root / name / chunk_name(start // per_chunk, values.ndim)
    if start % per_chunk and not last.exists():
        raise StoreCorrupt(f"{last}: missing; {RESTORE}")
    store.put(f"{name}/zarr.json", _encoded(document, name))
    try:
        zarr.open_array(store, path=name, mode="r+")[start:] = values
    except ValueError as error:  # the checksum of the chunk that is continued
        raise StoreCorrupt(f"{last}: {error}; {RESTORE}") from error


def cut_tail(path: Path, document: Document) -> None:
    """Remove what a killed writer left beyond the committed rows.

    Raises:
        OSError: The store cannot be written.
        StoreCorrupt: An array does not agree with the root document.
    """
    for name in ARRAYS:
        if check_metadata(path, document, name) != document.commit.rows:
            write_file(path / name / "zarr.json", _encoded(document, name))
        if stray := _stray_files(path / name, document):
            for file in stray:
                file.unlink()
            sync_folder(path / name)
    (path / ".zarr.json.partial").unlink(missing_ok=True)


def _stray_files(folder: Path, document: Document) -> list[Path]:
    chunks = -(-document.commit.rows // document.steps_per_chunk)
    beyond = [file for file in folder.glob("c.*") if int(file.name.split(".")[1]) >= chunks]
    return [*beyond, *folder.glob(".*.partial")]


def _encoded(document: Document, name: str) -> bytes:
    return json.dumps(document.metadata(name), indent=2).encode()
