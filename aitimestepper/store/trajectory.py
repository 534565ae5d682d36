"""The append-only store of accepted transitions, with one atomic commit point.

The root group's `zarr.json` is the commit: it is replaced, by rename, after everything it
refers to is on the disk. Whatever lies beyond its row count is invisible to every reader and
cut off by the next writer. The store takes no lock: hold a `RunLock` while writing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr

from .appending import append_rows, cut_tail
from .document import Commit, Document, Header, new_document, read_document
from .durable import DurableStore, sync_folder, write_file
from .errors import SchemaMismatch, StoreError, not_written
from .identity import RecordStream
from .reading import Recorded, read_recorded
from .rows import Rows, admit, no_rows
from .schema import Sizes, make_arrays


class Standing(NamedTuple):
    """What a store is and where it stands."""

    header: Header
    commit: Commit


class TrajectoryStore:
    """A store open for writing; made by `create` or `open`, never directly."""

    def __init__(self, path: Path, document: Document, recorded: Recorded) -> None:
        self.path = path
        self.header = recorded.header
        self.mass = recorded.mass
        """Masses, float64 with shape (B, N)."""
        self.rows_read = recorded.rows
        """All rows committed when the store was opened, read and verified once."""
        self._document = document
        self._stream = recorded.stream
        self._doubtful = False

    @classmethod
    def create(
        cls,
        path: Path | str,
        mass: np.ndarray,
        dimensions: int,
        *,
        store_uuid: str,
        attributes: dict[str, Any],
    ) -> TrajectoryStore:
        """Make an empty store at `path`, whole or not at all.

        Arguments:
            path: Where; nothing may be there yet.
            mass: Masses [mass], with shape (B, N).
            dimensions: Number of spatial dimensions D.
            store_uuid: First part of the identity of the data set.
            attributes: What to keep beside the data, such as settings; plain JSON values.

        Raises:
            StoreError: Something is there already, or nothing can be written there.
        """
        path, mass = Path(path), np.ascontiguousarray(mass, "<f8")
        if mass.ndim != 2 or not np.isfinite(mass).all():
            raise ValueError(f"Masses need shape (B, N) and finite values, got {mass.shape}.")
        if path.exists():
            raise StoreError(f"{path}: exists already; continue that run, or give another --name")
        sizes = Sizes(mass.shape[0], mass.shape[1], dimensions)
        try:
            _build(path, sizes, mass, store_uuid, attributes)
        except OSError as error:
            raise not_written(path, error) from error
        return cls.open(path)

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        orbits: int | None = None,
        bodies: int | None = None,
        dimensions: int | None = None,
    ) -> TrajectoryStore:
        """Open for writing: verify what is committed, cut off what is not.

        Arguments:
            path: The store.
            orbits: B that the run wants, if it matters.
            bodies: N that the run wants, if it matters.
            dimensions: D that the run wants, if it matters.

        Raises:
            StoreError: There is no store, or it cannot be written.
            SchemaMismatch: It has another version, B, N or D.
            StoreCorrupt: Committed data are missing or altered.
        """
        path = Path(path)
        document = read_document(path)
        _check_sizes(path, document.header, orbits=orbits, bodies=bodies, dimensions=dimensions)
        recorded = read_recorded(path, document)
        try:
            cut_tail(path, document)
        except OSError as error:
            raise not_written(path, error, state=_still(document.commit)) from error
        return cls(path, document, recorded)

    @staticmethod
    def read_only(path: Path | str) -> Standing:
        """What the store is and where it stands, without reading any data."""
        document = read_document(Path(path))
        return Standing(document.header, document.commit)

    @staticmethod
    def load(path: Path | str, rows: int | None = None) -> Recorded:
        """Read and verify the committed rows, or the first `rows` of them, beside any writer."""
        return read_recorded(Path(path), read_document(Path(path)), rows)

    @property
    def last(self) -> Commit:
        """The commit that the store stands at."""
        return self._document.commit

    @property
    def identity(self) -> str:
        """Of the data set as committed: "uuid@rows:sha256"."""
        return f"{self.header.uuid}@{self.last.rows}:{self.last.sha256}"

    def commit(
        self, rows: Rows | None, *, epoch: int, phase: str, checkpoint: str, checkpoint_sha256: str
    ) -> Commit:
        """Append `rows` and commit them with the training state, in one atomic step.

        Arguments:
            rows: Steps to append; None commits a phase that recorded nothing.
            epoch: Epoch that the phase belongs to.
            phase: Phase that ended.
            checkpoint: File name of the training state, durable already; or empty.
            checkpoint_sha256: Its hash.

        Raises:
            StoreError: Nothing was committed, or it cannot be known; open the store again.
        """
        sizes = self.header.sizes
        new = no_rows(sizes) if rows is None else admit(self.path, rows, sizes)
        stream = self._stream.extended(new)
        total = self.last.rows + new.steps
        commit = Commit(total, epoch, phase, stream.sha256, checkpoint, checkpoint_sha256)
        self._write(new, self._document.committing(commit))
        self._stream = stream
        return commit

    def _write(self, new: Rows, document: Document) -> None:
        self._check_standing()
        self._doubtful = True  # also where an interrupt leaves this function
        still = _still(self.last)
        try:
            if new.steps:
                append_rows(self.path, document, self.last.rows, new)
            write_file(self.path / "zarr.json", document.sealed())
        except OSError as error:
            raise not_written(self.path, error, state=still) from error
        try:
            sync_folder(self.path)
        except OSError as error:  # visible, but perhaps not for good
            state = f"{still}, or one commit further"
            raise not_written(self.path, error, state=state) from error
        self._document, self._doubtful = document, False

    def _check_standing(self) -> None:
        if self._doubtful:
            raise StoreError(f"{self.path}: a commit failed; type the same command again")
        if read_document(self.path).commit != self.last:
            raise StoreError(
                f"{self.path}: another process has committed to it since it was opened; "
                "type the same command again, and let one process at a time write"
            )


def _still(commit: Commit) -> str:
    return f"still at {commit.rows} rows"


def _build(
    path: Path, sizes: Sizes, mass: np.ndarray, uuid: str, attributes: dict[str, Any]
) -> None:
    """Make the store under another name, then rename it, so that no half store is ever seen."""
    building = path.with_name(f".{path.name}.creating")
    shutil.rmtree(building, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    store = DurableStore(building)
    make_arrays(zarr.create_group(store), sizes, mass)
    sha256 = RecordStream(sizes, mass).sha256
    document = new_document(building, sizes, uuid, attributes, sha256)
    store.put("zarr.json", document.sealed())
    store.barrier()
    os.rename(building, path)
    sync_folder(path.parent)


def _check_sizes(path: Path, header: Header, **wanted: int | None) -> None:
    for axis, value in wanted.items():
        has = getattr(header, axis)
        if value is not None and value != has:
            raise SchemaMismatch(
                f"{path}: the store has {has} {axis}, this run wants {value}; "
                f"set {axis} to {has}, or train under another --name"
            )
