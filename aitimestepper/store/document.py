"""The root `zarr.json` of a trajectory store: its header, its commit, its visible shapes."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .errors import SchemaMismatch, StoreCorrupt, StoreError
from .schema import ARRAYS, SCHEMA, SCHEMA_VERSION, UNITS, Sizes

_SEAL = "root_sha256"
_OWN = {"schema", "schema_version", "store_uuid", "N", "D", "B", "units", "commit", _SEAL}


@dataclass(frozen=True, slots=True)
class Commit:
    """Where a run stands, data and training state together."""

    rows: int
    """Number of committed steps T."""
    epoch: int
    """Epoch of the last commit; -1 before the first."""
    phase: str
    """Phase that the commit ended; "new" before the first."""
    sha256: str
    """Of the record stream of those rows."""
    checkpoint: str
    """File name in the run's checkpoint folder, or empty."""
    checkpoint_sha256: str

    @property
    def key(self) -> str:
        """Short and stable: equal for equal commits, on every machine."""
        return hashlib.sha256(_canonical(asdict(self))).hexdigest()[:16]


class Header(NamedTuple):
    """What a store is, from its creation on."""

    uuid: str
    orbits: int
    bodies: int
    dimensions: int
    units: dict[str, Any]
    attributes: dict[str, Any]
    """What the run that made it had to say, such as its settings."""

    @property
    def sizes(self) -> Sizes:
        """B, N and D."""
        return Sizes(self.orbits, self.bodies, self.dimensions)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Document:
    """The parsed root document; replacing the file by another one is the commit."""

    raw: dict[str, Any]

    @property
    def header(self) -> Header:
        """What the store is."""
        said = self.raw["attributes"]
        given = {key: value for key, value in said.items() if key not in _OWN}
        return Header(said["store_uuid"], said["B"], said["N"], said["D"], said["units"], given)

    @property
    def commit(self) -> Commit:
        """Where the store stands."""
        return Commit(**self.raw["attributes"]["commit"])

    @property
    def steps_per_chunk(self) -> int:
        """Steps in one chunk of every growing array."""
        return self.metadata("time")["chunk_grid"]["configuration"]["chunk_shape"][0]

    def metadata(self, name: str) -> dict[str, Any]:
        """The `zarr.json` of one array, with as many rows as are committed."""
        return self.raw["consolidated_metadata"]["metadata"][name]

    def committing(self, commit: Commit) -> Document:
        """This document after `commit`, with the shapes that the commit makes visible."""
        raw = copy.deepcopy(self.raw)
        raw["attributes"]["commit"] = asdict(commit)
        for name in ARRAYS:
            raw["consolidated_metadata"]["metadata"][name]["shape"][0] = commit.rows
        return Document(raw)

    def sealed(self) -> bytes:
        """The file, with a hash of itself among its attributes."""
        raw = copy.deepcopy(self.raw)
        raw["attributes"][_SEAL] = _seal(raw)
        return json.dumps(raw, indent=1, allow_nan=False).encode()


def _seal(raw: dict[str, Any]) -> str:
    attributes = {key: value for key, value in raw["attributes"].items() if key != _SEAL}
    return hashlib.sha256(_canonical({**raw, "attributes": attributes})).hexdigest()


def group_document(attributes: dict[str, Any], arrays: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The root document of a group whose arrays plain Zarr and xarray find without searching."""
    consolidated = {"kind": "inline", "must_understand": False, "metadata": arrays}
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": consolidated,
    }


def array_documents(folder: Path) -> dict[str, dict[str, Any]]:
    """The `zarr.json` of every array in the group at `folder`, by name."""
    files = sorted(folder.glob("*/zarr.json"))
    return {file.parent.name: json.loads(file.read_bytes()) for file in files}


def new_document(
    folder: Path, sizes: Sizes, uuid: str, attributes: dict[str, Any], sha256: str
) -> Document:
    """The first document of a store, whose arrays lie in `folder` already.

    Raises:
        ValueError: `attributes` claims a name of the store's own.
    """
    if taken := _OWN & attributes.keys():
        raise ValueError(f"The store itself sets {sorted(taken)}; give them other names.")
    own = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "store_uuid": uuid}
    axes = {"N": sizes.bodies, "D": sizes.dimensions, "B": sizes.orbits, "units": UNITS}
    first = Commit(0, -1, "new", sha256, "", "")
    said = {**own, **axes, **attributes, "commit": asdict(first)}
    return Document(json.loads(json.dumps(group_document(said, array_documents(folder)))))


def read_document(path: Path) -> Document:
    """Read and check the root document of the store at `path`.

    Raises:
        StoreError: There is no store, or it cannot be read.
        SchemaMismatch: It is another kind of store, or of another version.
        StoreCorrupt: The document was damaged.
    """
    raw = _parsed(path)
    said = raw["attributes"]
    if said.get("schema") != SCHEMA:
        raise SchemaMismatch(
            f"{path}: the schema is {said.get('schema')!r}, expected {SCHEMA!r}; "
            "this is not a trajectory store, give another path"
        )
    if said.get("schema_version") != SCHEMA_VERSION:
        raise SchemaMismatch(
            f"{path}: the store has schema version {said.get('schema_version')}, this program "
            f"reads version {SCHEMA_VERSION}; use the program that made it, or another --name"
        )
    if said.get(_SEAL) != _seal(raw):
        raise StoreCorrupt(f"{path}/zarr.json: altered since it was committed; {RESTORE}")
    document = Document(raw)
    if not _is_sound(document):
        raise StoreCorrupt(f"{path}/zarr.json: says what no commit of this program says; {RESTORE}")
    return document


def _is_sound(document: Document) -> bool:
    """Whether the content makes sense: anyone can write a seal that is right."""
    try:
        header, commit = document.header, document.commit
        sizes, texts = (*header.sizes, document.steps_per_chunk), asdict(commit)
        rows, epoch = texts.pop("rows"), texts.pop("epoch")
        document.metadata("mass")
        return (
            all(type(size) is int and size > 0 for size in sizes)
            and type(rows) is type(epoch) is int
            and all(isinstance(text, str) for text in (header.uuid, *texts.values()))
            and Path(commit.checkpoint).name == commit.checkpoint
            and all(document.metadata(name)["shape"][0] == rows >= 0 for name in ARRAYS)
        )
    except (LookupError, TypeError):
        return False


RESTORE = "restore it from a copy, or train under another --name"
"""What to do about a damaged store."""


def _parsed(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads((path / "zarr.json").read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        if path.is_dir():
            raise StoreCorrupt(f"{path}/zarr.json: missing; {RESTORE}") from None
        raise StoreError(f"{path}: there is no trajectory store here; train first") from None
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be read ({error.strerror}); make it readable, or {RESTORE}"
        ) from error
    except (ValueError, RecursionError):
        raise StoreCorrupt(f"{path}/zarr.json: not readable as JSON; {RESTORE}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("attributes"), dict):
        raise StoreCorrupt(f"{path}/zarr.json: has no attributes; {RESTORE}")
    return raw
