"""A damaged run, checkpoint or folder of artifacts is one sentence that says what to do."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil

import pytest
import torch

from aitimestepper.settings import RunConfig
from aitimestepper.store import checkpoints
from aitimestepper.store.document import Document, read_document
from aitimestepper.store.errors import CheckpointError
from aitimestepper.store.trajectory import TrajectoryStore
from flows.cli import main
from tasks.resume import began
from tasks.session import opened

COMMANDS = {
    "status": "status x",
    "simulate": "simulate --model x --case kepler-e0.5 --steps 2 --out o.zarr",
    "train": "train --name x --epochs 3",
}
"""Commands that read a run; `train` reads all of it in its own process."""

ROOTS = {
    "missing": None,
    "empty": b"",
    "half": b'{"zarr_format": 3, "node_ty',
    "list": b"[]",
    "number": b"3",
    "object": b"{}",
    "attributes": b'{"attributes": []}',
    "not text": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "other group": b'{"zarr_format": 3, "node_type": "group", "attributes": {}}',
    "other version": lambda data: data.replace(b'"schema_version": 1', b'"schema_version": 2'),
    "other rows": lambda data: data.replace(b'"rows": 2', b'"rows": 1'),
    "other phase": lambda data: data.replace(b'"phase": "generalize"', b'"phase": "collect"'),
    "other checkpoint": lambda data: data.replace(b'"0002-generalize.pt"', b'"../../../x.pt"'),
    "no seal": lambda data: data.replace(b"root_sha256", b"root_sha257"),
    "infinite": lambda data: data.replace(b'"rows": 2', b'"rows": Infinity'),
}


@pytest.mark.parametrize("command", ["status", "simulate", "train"])
@pytest.mark.parametrize("damage", ROOTS.values(), ids=ROOTS)
def test_damaged_root_document(refused, trained, command, damage):
    root = trained / "trajectory.zarr" / "zarr.json"
    data = root.read_bytes()
    root.unlink() if damage is None else root.write_bytes(
        damage(data) if callable(damage) else damage
    )
    assert damage is None or root.read_bytes() != data
    refused(COMMANDS[command], "trajectory.zarr", "--name" if b"version" not in data else "")


def sealed(root, change):
    """Write a root document that says something else, with a seal that is right."""
    raw = json.loads(root.read_bytes())
    change(raw)
    root.write_bytes(Document(raw).sealed())


SEALED = {
    "no commit": lambda raw: raw["attributes"].pop("commit"),
    "commit of another kind": lambda raw: raw["attributes"].update(commit=[1]),
    "commit with more": lambda raw: raw["attributes"]["commit"].update(more=1),
    "rows of text": lambda raw: raw["attributes"]["commit"].update(rows="two"),
    "negative rows": lambda raw: raw["attributes"]["commit"].update(rows=-1),
    "too many rows": lambda raw: raw["attributes"]["commit"].update(rows=10**9),
    "checkpoint elsewhere": lambda raw: raw["attributes"]["commit"].update(
        checkpoint="../../../../etc/passwd"
    ),
    "checkpoint of a number": lambda raw: raw["attributes"]["commit"].update(checkpoint=3),
    "no uuid": lambda raw: raw["attributes"].pop("store_uuid"),
    "no sizes": lambda raw: raw["attributes"].pop("N"),
    "sizes of text": lambda raw: raw["attributes"].update(B="many"),
    "no arrays": lambda raw: raw.pop("consolidated_metadata"),
    "an array less": lambda raw: raw["consolidated_metadata"]["metadata"].pop("time"),
}


@pytest.mark.parametrize("command", ["simulate", "train"])
@pytest.mark.parametrize("change", SEALED.values(), ids=SEALED)
def test_nonsense_under_a_right_seal(refused, trained, command, change):
    sealed(trained / "trajectory.zarr" / "zarr.json", change)
    assert "trajectory.zarr" in refused(COMMANDS[command])


@pytest.mark.parametrize("settings", [None, [1], "text", 3])
def test_store_that_does_not_say_its_settings(refused, trained, settings):
    """Judging and simulating ask the checkpoint; only going on needs to know."""
    root = trained / "trajectory.zarr" / "zarr.json"
    sealed(root, lambda raw: raw["attributes"].update(settings=settings))
    refused(COMMANDS["train"], "settings")


FILES = {
    "missing": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"x"),
    "other": lambda file: file.write_bytes(b"other"),
    "folder": lambda file: (file.unlink(), file.mkdir()),
    "dangling": lambda file: (file.unlink(), file.symlink_to("nowhere")),
    "loop": lambda file: (file.unlink(), file.symlink_to(file.name)),
}


@pytest.mark.parametrize("damage", FILES.values(), ids=FILES)
@pytest.mark.parametrize(
    "file", ["trajectory.zarr/time/c.0.0", "trajectory.zarr/mass/zarr.json", "checkpoints/*.pt"]
)
def test_damaged_file_of_a_run(refused, trained, file, damage):
    (path,) = trained.glob(file)
    damage(path)
    said = refused("status x", str(trained))
    assert any(word in said for word in ("restore", "copy", "--name"))


def test_run_whose_checkpoint_is_gone_says_how_to_begin_anew(refused, trained):
    shutil.rmtree(trained / "checkpoints")
    for command in ("status", "simulate"):
        refused(COMMANDS[command], "0002-generalize.pt", "--name")
    config = RunConfig.model_validate(began("x"))
    with pytest.raises(CheckpointError, match="--name"), opened(config):
        pass


def test_run_that_is_a_file(refused, trained):
    shutil.rmtree(trained)
    trained.write_text("mine")
    for command in COMMANDS.values():
        refused(command)


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


GOOD = {"settings": "{}", "bodies": 2, "dimensions": 2, "model": {}}

CONTENTS = {
    "empty": {},
    "number": 3,
    "schema alone": {"schema": "aitimestepper-checkpoint", "schema_version": 1},
    "version of text": {"schema": "aitimestepper-checkpoint", "schema_version": "1"},
    "other schema": {"schema": "x"},
}

PAYLOADS = {
    "no weights": GOOD,
    "settings of a number": GOOD | {"settings": 3},
    "settings that are none": GOOD | {"settings": "{"},
    "settings unknown": GOOD | {"settings": '{"epochz": 3}'},
    "settings out of bounds": GOOD | {"settings": '{"energy_threshold": -1}'},
    "bodies of text": GOOD | {"bodies": "two"},
    "bodies none": GOOD | {"bodies": None},
    "bodies negative": GOOD | {"bodies": -2},
    "bodies false": GOOD | {"bodies": False},
    "bodies many": GOOD | {"bodies": 10**9},
    "dimensions zero": GOOD | {"dimensions": 0},
    "model a list": GOOD | {"model": [1]},
    "model a number": GOOD | {"model": 1.5},
    "weights of text": GOOD | {"model": {"backbone": "x"}},
    "weights of another shape": GOOD | {"model": {"centre": torch.ones(3, 3)}},
    "no bodies": {"settings": "{}", "dimensions": 2, "model": {}},
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_file_that_is_no_checkpoint(refused, folder, content):
    torch.save(content, folder / "bad.pt")
    refused("simulate --model bad.pt --case kepler-e0.5 --steps 2 --out o.zarr", "bad.pt")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_checkpoint_that_makes_no_model(refused, folder, payload):
    checkpoints.write(folder, "bad.pt", payload)
    refused("simulate --model ./bad.pt --case kepler-e0.5 --steps 2 --out o.zarr", "bad.pt")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["path", "run"])
def test_malicious_checkpoint_is_refused_and_not_run(refused, trained, folder, zipped, place):
    target = folder / "owned"
    (file,) = trained.glob("checkpoints/*.pt") if place == "run" else [folder / "bad.pt"]
    content = {"schema": "aitimestepper-checkpoint", "schema_version": 1, "x": Malicious(target)}
    if zipped:
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content))
    if place == "run":  # a colleague who knows the program also seals the store again
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        root = trained / "trajectory.zarr" / "zarr.json"
        sealed(root, lambda raw: raw["attributes"]["commit"].update(checkpoint_sha256=sha256))
    for command in ("status x", COMMANDS["simulate"]) if place == "run" else ():
        refused(command, "could run code" if zipped else "0002")
    if place == "path":
        refused("simulate --model ./bad.pt --case kepler-e0.5 --steps 2", "bad.pt")
    assert not target.exists()


def test_malicious_array_and_metadata_in_a_store_are_refused(refused, trained, folder):
    """Zarr would load a pickled object array through the codec that its metadata names."""
    file = trained / "trajectory.zarr" / "time" / "zarr.json"
    raw = json.loads(file.read_bytes())
    raw["codecs"] = [{"name": "numcodecs.pickle", "configuration": {}}]
    file.write_text(json.dumps(raw))
    chunk = trained / "trajectory.zarr" / "time" / "c.0.0"
    chunk.write_bytes(pickle.dumps(Malicious(folder / "owned")))
    refused("status x", "does not agree")

    def claim(document):
        document["consolidated_metadata"]["metadata"]["time"] = raw

    sealed(trained / "trajectory.zarr" / "zarr.json", claim)
    refused("status x", "time")
    assert not (folder / "owned").exists()


@pytest.mark.parametrize(
    "line", ["status", "status x", COMMANDS["simulate"], "train --name x", "train"]
)
@pytest.mark.parametrize("place", ["file", "file/below"])
def test_artifacts_that_are_a_file(refused, folder, monkeypatch, line, place):
    (folder / "file").write_text("mine")
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(folder / place))
    refused(line, "file")


def test_intact_run_is_not_refused(trained, capsys):
    """The control: the fixtures are no damaged run from the start."""
    assert main(["status", "x", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epoch"] == 2
    assert read_document(trained / "trajectory.zarr").commit.rows == 2
    assert TrajectoryStore.load(trained / "trajectory.zarr").rows.steps == 2
