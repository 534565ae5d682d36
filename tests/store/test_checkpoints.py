"""Checkpoints come back as written, and never run code."""

import errno
import os
import pickle
import random
import zipfile

import numpy as np
import pytest
import torch

from aitimestepper.store import checkpoints, durable
from aitimestepper.store.errors import CheckpointError, StoreError

PAYLOAD = {
    "settings": '{"epochs": 3}',
    "bodies": 2,
    "energy_threshold": 2e-4,
    "features": {"kind": "basic"},
    "model": {"weight": torch.arange(6.0, dtype=torch.float64).reshape(2, 3)},
    "training": {"generators": [torch.Generator().manual_seed(3).get_state()], "done": None},
}


class Malicious:
    """Creates a file when unpickled."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.fixture
def written(tmp_path):
    """A checkpoint on disk, with its hash."""
    sha256 = checkpoints.write(tmp_path / "checkpoints", "0001.pt", PAYLOAD)
    return tmp_path / "checkpoints/0001.pt", sha256


def test_a_checkpoint_comes_back(written):
    payload = checkpoints.read(*written)
    assert torch.equal(payload["model"].pop("weight"), PAYLOAD["model"]["weight"])
    assert torch.equal(
        payload["training"].pop("generators")[0], PAYLOAD["training"]["generators"][0]
    )
    assert payload == {
        **PAYLOAD,
        "model": {},
        "training": {"done": None},
        "schema": "aitimestepper-checkpoint",
        "schema_version": 1,
    }


def test_equal_states_make_equal_files(written, tmp_path):
    assert checkpoints.write(tmp_path, "again.pt", PAYLOAD) == written[1]


def test_an_optimizer_survives(tmp_path):
    network = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    checkpoints.write(tmp_path, "a.pt", {"optimizer": optimizer.state_dict()})
    state = checkpoints.read(tmp_path / "a.pt")["optimizer"]["state"]
    for key, value in optimizer.state_dict()["state"][0].items():
        assert torch.equal(state[0][key], value)


def test_what_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"\.item\(\)"):
        checkpoints.write(tmp_path, "a.pt", {"loss": np.float64(1)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a.pt", "a/b.pt", "a.txt", "", ".pt"])
def test_a_name_stays_in_its_folder(tmp_path, name):
    with pytest.raises(ValueError, match="named like"):
        checkpoints.write(tmp_path / "x", name, {})


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.pt: there is no such checkpoint"):
        checkpoints.read(tmp_path / "gone.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path, zipped):
    target, file = tmp_path / "owned", tmp_path / "bad.pt"
    content = {"schema": "aitimestepper-checkpoint", "model": Malicious(target)}
    if zipped:
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content))
    with pytest.raises(CheckpointError, match="bad.pt"):
        checkpoints.read(file)
    assert not target.exists()
    torch.load(file, weights_only=False) if zipped else pickle.loads(file.read_bytes())
    assert target.exists()


def test_every_truncation_is_refused(written):
    path, _ = written
    data = path.read_bytes()
    for length in [0, 1, 3, *range(4, len(data), len(data) // 20), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match="0001"):
            checkpoints.read(path)


def test_a_flipped_bit_is_refused_or_harmless_even_without_the_hash(written):
    """Names and dates in the archive's margins may change; numbers never do."""
    path, sha256 = written
    data = path.read_bytes()
    random.seed(0)
    refused = 0
    for bit in random.sample(range(8 * len(data)), 300):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError, match="sha256"):
            checkpoints.read(path, sha256)
        try:
            payload = checkpoints.read(path)
        except CheckpointError:
            refused += 1
        else:
            assert torch.equal(payload["model"]["weight"], PAYLOAD["model"]["weight"])
            assert payload["settings"] == PAYLOAD["settings"]
    assert refused > 0


@pytest.mark.parametrize("content", [{}, [1], 3, {"schema": "other"}, {"epoch": torch.ones(2)}])
def test_a_file_of_another_program_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint of this program"):
        checkpoints.read(tmp_path / "other.pt")


def test_any_archive_is_not_a_checkpoint(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("hello", "world")
    with pytest.raises(CheckpointError, match="a.pt"):
        checkpoints.read(tmp_path / "a.pt")


def test_another_version_is_refused(tmp_path):
    torch.save({"schema": "aitimestepper-checkpoint", "schema_version": 2}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="schema version 2, this program reads version 1"):
        checkpoints.read(tmp_path / "a.pt")


def test_a_full_disk_leaves_the_older_checkpoint(written, monkeypatch):
    path, sha256 = written

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "write", full)
        with pytest.raises(StoreError, match="no space left; free space and type"):
            checkpoints.write(path.parent, path.name, {**PAYLOAD, "bodies": 3})
    assert checkpoints.read(path, sha256)["bodies"] == 2
    assert [file.name for file in path.parent.iterdir()] == ["0001.pt"]


def test_prune_keeps_what_it_is_told_and_what_is_not_a_checkpoint(written):
    folder = written[0].parent
    checkpoints.write(folder, "0002.pt", PAYLOAD)
    (folder / "notes.txt").write_text("mine")
    (folder / ".0003.pt.partial").write_text("half")
    checkpoints.prune(folder, {"0002.pt"})
    assert sorted(file.name for file in folder.iterdir()) == ["0002.pt", "notes.txt"]
