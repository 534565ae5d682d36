"""Training states as files that load without running code."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from .document import RESTORE
from .durable import sync_folder, write_file
from .errors import CheckpointError, not_written

SCHEMA = "aitimestepper-checkpoint"
SCHEMA_VERSION = 1


def write(folder: Path | str, name: str, payload: dict[str, Any]) -> str:
    """Write a checkpoint, durable when this returns.

    Arguments:
        folder: Where the checkpoints of a run lie; made when missing.
        name: File name, ending in ".pt".
        payload: Numbers, text, lists, dictionaries and tensors.

    Returns:
        SHA-256 of the file, for the commit that names it.

    Raises:
        ValueError: `name` is no such name, or `payload` holds what `read` would refuse.
        StoreError: The file could not be written.
    """
    path = Path(folder) / name
    if path.name != name or path.suffix != ".pt":
        raise ValueError(f"A checkpoint is named like '0007-collect.pt', got {name!r}.")
    data = _serialized({**payload, "schema": SCHEMA, "schema_version": SCHEMA_VERSION})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, data)
        sync_folder(path.parent)
    except OSError as error:
        raise not_written(path, error) from error
    return hashlib.sha256(data).hexdigest()


def _serialized(payload: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    try:
        _unpickled(buffer.getvalue())
    except pickle.UnpicklingError as error:
        raise ValueError(
            "A checkpoint holds plain numbers, text, lists, dictionaries and tensors only; "
            f"convert the rest, such as NumPy scalars with `.item()`: {error}"
        ) from None
    return buffer.getvalue()


def _unpickled(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def read(path: Path | str, sha256: str | None = None) -> dict[str, Any]:
    """Read a checkpoint onto the CPU; nothing in the file is ever executed.

    Arguments:
        path: The file.
        sha256: What the commit says it is.

    Raises:
        CheckpointError: It is missing, damaged, not ours, of another version, not the
            committed one, or holds more than numbers, text and tensors.
    """
    path = Path(path)
    data = _bytes(path, "check the path" if sha256 is None else RESTORE)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise CheckpointError(
            f"{path}: not the file that was committed (its sha256 differs); {RESTORE}"
        )
    _check_archive(path, data)
    payload = _load(path, data)
    _check_schema(path, payload)
    return payload


def _bytes(path: Path, remedy: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such checkpoint; {remedy}") from None
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); make it readable, or {remedy}"
        ) from None


def _check_archive(path: Path, data: bytes) -> None:
    """Compare every record with its checksum; PyTorch's own reader does not."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            damaged = archive.testzip()
    except Exception as error:  # damaged archives raise far more than BadZipFile
        raise CheckpointError(
            f"{path}: truncated, damaged, or not a checkpoint ({error}); give another file"
        ) from None
    if damaged:
        raise CheckpointError(f"{path}: damaged at {damaged!r}; give an intact copy")


def _load(path: Path, data: bytes) -> Any:
    try:
        return _unpickled(data)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path}: refused, because it holds more than numbers, text and tensors and could "
            "run code; use only checkpoints that this program wrote"
        ) from None
    except Exception as error:  # PyTorch raises whatever its parts raise
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{path}: damaged ({reason}); give an intact copy") from None


def _check_schema(path: Path, payload: Any) -> None:
    if not isinstance(payload, dict) or payload.get("schema") != SCHEMA:
        raise CheckpointError(f"{path}: not a checkpoint of this program; give one that it wrote")
    version = payload.get("schema_version")
    if version != SCHEMA_VERSION:
        raise CheckpointError(
            f"{path}: has schema version {version!r}, this program reads version "
            f"{SCHEMA_VERSION}; use the program that wrote it"
        )


def prune(folder: Path | str, keep: Collection[str]) -> None:
    """Delete all checkpoints but those named in `keep`; only after the commit that replaced them.

    Raises:
        StoreError: The folder cannot be written.
    """
    folder = Path(folder)
    old = [path for path in folder.glob("*.pt") if path.name not in keep]
    try:
        for path in [*old, *folder.glob(".*.partial")]:
            os.unlink(path)
    except OSError as error:
        raise not_written(folder, error) from error
