"""The mirror holds what MLflow was told, only where it is wanted, and never costs a run."""

from __future__ import annotations

import json
import struct
import sys

import pytest

from aitimestepper.errors import UserError
from aitimestepper.tracking import TrackedRun, open_run
from aitimestepper.tracking.wandb_mirror import MirroredRun

wandb = pytest.importorskip("wandb", reason="the extra wandb is not installed")


@pytest.fixture
def offline(artifacts, monkeypatch):
    """Mirrored to files in the folder of artifacts, without a network."""
    monkeypatch.setenv("AITIMESTEPPER_WANDB", "orbits")
    monkeypatch.setenv("WANDB_MODE", "offline")
    return artifacts / "wandb"


def opened(uri, name, run_id=None):
    return open_run(uri, name=name, run_id=run_id, parameters={"epochs": 3}, tags={})


def values(items):
    """Keys and values of a protobuf record."""
    return {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in items}


def records(data):
    """Messages of a .wandb file: 7 bytes of head, then LevelDB's log format in 32 KiB blocks."""
    place, message = 7, b""
    while place < len(data):
        if 32768 - place % 32768 < 7:  # no room for another head: padding
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        message += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield message
            message = b""


def recorded(folder):
    """History rows and settings in the files of an offline run."""
    from wandb.proto.wandb_internal_pb2 import Record

    rows, settings = [], {}
    for file in sorted(folder.rglob("*.wandb")):
        for record in map(Record.FromString, records(file.read_bytes())):
            if record.HasField("history"):
                rows.append(values(record.history.item))
            if record.HasField("run"):
                settings |= values(record.run.config.update)
    return rows, settings


def test_nothing_is_mirrored_by_default(uri, name, artifacts):
    assert type(opened(uri, name)) is TrackedRun
    assert not (artifacts / "wandb").exists()


def test_an_offline_mirror_holds_the_epochs_and_the_settings(uri, name, offline):
    run = opened(uri, name)
    run.log_epoch(1, {"generalize/passing": 0.5})
    run.log_epoch(2, {"generalize/passing": 1.0})
    run.finish()
    rows, settings = recorded(offline)
    assert [(row["epoch"], row["generalize/passing"]) for row in rows] == [(1, 0.5), (2, 1.0)]
    assert settings["epochs"] == 3
    assert run.logged_epoch == 2


@pytest.mark.usefixtures("offline")
def test_a_resumed_run_goes_on_under_the_same_id(uri, name):
    first = opened(uri, name)
    first.log_epoch(1, {"x": 1.0})
    first.finish("KILLED")
    again = opened(uri, name, first.run_id)
    assert isinstance(again, MirroredRun)
    assert again.mirror.id == first.run_id
    again.finish()


@pytest.mark.usefixtures("offline")
def test_a_mirror_that_breaks_costs_a_warning(uri, name, monkeypatch, caplog):
    run = opened(uri, name)

    def broken(*_, **__):
        raise wandb.errors.CommError("gone")

    monkeypatch.setattr(run.mirror, "log", broken)
    run.log_epoch(1, {"x": 1.0})
    assert "gone" in caplog.text
    assert run.logged_epoch == 1
    run.finish()


@pytest.mark.usefixtures("offline")
def test_a_mirror_that_is_not_installed_is_said_so(uri, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r"aitimestepper\[wandb\]"):
        opened(uri, name)
