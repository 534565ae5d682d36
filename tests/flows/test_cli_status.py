"""Status tells what the last commit says, whoever holds the run, and leaves everything alone."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from aitimestepper.errors import UserError
from aitimestepper.folders import RunFolder
from aitimestepper.settings import RunConfig
from aitimestepper.store import checkpoints
from aitimestepper.store.lock import RunLock
from aitimestepper.store.rows import Rows
from aitimestepper.store.trajectory import TrajectoryStore
from flows.cli import main
from flows.cli_status import status
from tasks.reports import PhaseReport

pytestmark = pytest.mark.usefixtures("artifacts")

KEYS = {
    *("name", "state", "epoch", "epochs", "phase", "rows", "orbits", "bodies", "dimensions"),
    *("energy_threshold", "attempts", "accepted", "passing", "dataset", "checkpoint"),
    *("mlflow_run_id", "model_version"),
}
STEPS, ORBITS, BODIES, DIMENSIONS = 3, 4, 2, 2


def begin(name):
    """An empty run of 2 epochs."""
    settings = RunConfig.model_validate({"name": name, "epochs": 2}).model_dump(mode="json")
    return TrajectoryStore.create(
        RunFolder(name).store,
        np.ones((ORBITS, BODIES)),
        DIMENSIONS,
        store_uuid="a-uuid",
        attributes={"settings": settings},
    )


def commit(store, epoch, phase, *, epochs=2):
    """End a phase as a training does; phase 1 records 3 steps of 4 orbits with 2 attempts each."""
    name = store.path.parent.name
    numbers = {"passing": 0.75} if phase == "generalize" else {"accepted": 12.0}
    told = PhaseReport(
        epoch=epoch, phase=phase, parent="", commit="", rows=0, seconds=1, numbers=numbers
    )
    config = RunConfig.model_validate({"name": name, "epochs": epochs})
    content = {
        "settings": config.model_dump_json(),
        "reports": {phase: told.model_dump_json()},
        "mlflow_run_id": "abc",
    }
    file, folder = f"{epoch:04d}-{phase}.pt", RunFolder(name).checkpoints
    sha256 = checkpoints.write(folder, file, content)
    rows = recorded(epoch) if phase == "collect" else None
    store.commit(rows, epoch=epoch, phase=phase, checkpoint=file, checkpoint_sha256=sha256)
    checkpoints.prune(folder, keep={file})


def recorded(epoch):
    scalar = np.ones((STEPS, ORBITS))
    phase = np.ones((STEPS, ORBITS, BODIES, DIMENSIONS))
    small = scalar.astype(np.int32)
    marks = scalar.astype(np.uint8)
    return Rows(
        phase, phase, scalar, scalar, scalar, 2 * small, np.full(STEPS, epoch, np.int32), marks
    )


def test_run_without_a_commit_is_new():
    begin("one")
    told = status("one")
    assert set(told) == KEYS
    assert (told["state"], told["epoch"], told["epochs"], told["rows"]) == ("new", 0, 2, 0)
    assert (told["checkpoint"], told["passing"], told["mlflow_run_id"]) == (None, None, None)


def test_folder_without_a_store_is_new():
    RunFolder("one").path.mkdir(parents=True)
    assert status("one")["state"] == "new"


def test_counts_and_names_come_from_the_commit():
    store = begin("one")
    commit(store, 1, "collect")
    told = status("one")
    assert set(told) == KEYS
    assert (told["state"], told["phase"], told["epoch"]) == ("interrupted", "collect", 1)
    assert (told["rows"], told["orbits"], told["bodies"], told["dimensions"]) == (3, 4, 2, 2)
    assert (told["accepted"], told["attempts"], told["passing"]) == (12, 24, None)
    assert told["dataset"] == store.identity
    assert told["checkpoint"] == str(RunFolder("one").checkpoints / "0001-collect.pt")
    assert (told["mlflow_run_id"], told["energy_threshold"]) == ("abc", 2e-4)


def register(name, version="7"):
    """What the task of this name leaves behind."""
    results = RunFolder(name).results
    results.mkdir(exist_ok=True)
    (results / "register-0123456789ab").write_text(json.dumps({"result": f'"{version}"'}))


def test_state_follows_epochs_and_lock():
    store = begin("one")
    for epoch in (1, 2):
        commit(store, epoch, "collect")
        commit(store, epoch, "generalize")
        register("one")
        expected = "finished" if epoch == 2 else "interrupted"
        assert (status("one")["state"], status("one")["passing"]) == (expected, 0.75)
    with RunLock(RunFolder("one").path):
        assert status("one")["state"] == "running"
    commit(store, 3, "collect", epochs=4)
    assert (status("one")["state"], status("one")["epochs"]) == ("interrupted", 4)


def test_version_is_the_newest_that_was_registered():
    begin("one")
    register("one")
    assert status("one")["model_version"] == "7"


def test_run_whose_last_commit_is_not_registered_is_interrupted():
    commit(begin("one"), 2, "generalize")
    assert status("one")["state"] == "interrupted"
    register("one")
    (older,) = RunFolder("one").results.iterdir()
    os.utime(older, (1, 1))
    assert status("one")["state"] == "interrupted"
    register("one")
    assert status("one")["state"] == "finished"


def test_unknown_run_names_those_there_are():
    with pytest.raises(UserError, match="there is none yet"):
        status("gone")
    begin("one")
    begin("two")
    with pytest.raises(UserError, match='no run "gone" in .*, there are one, two;'):
        status("gone")
    with pytest.raises(UserError, match="no run"):
        status("../runs/one")


def test_json_is_one_value_and_nothing_else(capsys):
    begin("one")
    begin("two")
    assert main(["status", "one", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == status("one")
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [status("one"), status("two")]


def test_damaged_run_is_named_and_hides_no_other(capsys):
    begin("one")
    begin("two")
    document = RunFolder("one").store / "zarr.json"
    document.write_text(document.read_text().replace('"B": 4', '"B": 5'))
    assert main(["status", "one"]) == 2
    assert "altered since it was committed" in capsys.readouterr().err
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["damaged" in lines[1], "new" in lines[2]] == [True, True]


def test_status_changes_nothing(artifacts):
    commit(begin("one"), 1, "collect")
    before = {path: path.stat().st_mtime_ns for path in artifacts.rglob("*")}
    status("one")
    assert {path: path.stat().st_mtime_ns for path in artifacts.rglob("*")} == before


def test_commit_between_two_looks_is_followed(monkeypatch):
    store = begin("one")
    commit(store, 1, "collect")
    whole, calls = checkpoints.read, []

    def overtaken(path, sha256):
        if not calls:
            calls.append(path)
            commit(store, 1, "generalize")
        return whole(path, sha256)

    monkeypatch.setattr(checkpoints, "read", overtaken)
    assert status("one")["phase"] == "generalize"
