"""Writes that survive a crash of the process and of the machine."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from zarr.core.buffer import Buffer
from zarr.storage import LocalStore


def write_file(path: Path, data: bytes | memoryview) -> None:
    """Replace `path` by `data`: a temporary file beside it, fsync, rename.

    The rename itself is durable only after `sync_folder(path.parent)`. The temporary name is
    fixed, because there is one writer: a killed process leaves one such file, not many.

    Raises:
        OSError: The disk is full, read-only, or gone; `path` is as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        _write_through(partial, memoryview(data))
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _write_through(path: Path, data: memoryview) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: creations, renames, removals."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DurableStore(LocalStore):
    """A `LocalStore` whose writes are on the disk once `barrier` has returned.

    Zarr's own store renames without fsync: atomic for one key when the process dies, but not
    when the power does.
    """

    def __init__(self, root: Path | str, *, read_only: bool = False) -> None:
        super().__init__(root, read_only=read_only)
        self._touched: set[Path] = set()
        self._lock = Lock()  # chunks are written by several threads of Zarr's event loop

    def put(self, key: str, data: bytes) -> None:
        """Write one key; durable after `barrier`."""
        self._check_writable()
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, data)
        with self._lock:
            self._touched.add(path.parent)

    async def set(self, key: str, value: Buffer) -> None:
        """Write one key; durable after `barrier`."""
        await asyncio.to_thread(self.put, key, value.to_bytes())

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write one key unless it is there."""
        if not await self.exists(key):
            await self.set(key, value)

    def set_sync(self, key: str, value: Buffer) -> None:
        """Write one key; durable after `barrier`."""
        self.put(key, value.to_bytes())

    def barrier(self) -> None:
        """Return when everything written so far would survive a power loss."""
        with self._lock:
            touched, self._touched = self._touched, set()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(sync_folder, touched))
