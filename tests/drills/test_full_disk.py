"""A disk that is full or read-only is one sentence; with room again the same command goes on."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress

import pytest
from commands import Runs, ended

from aitimestepper.settings import RunConfig
from aitimestepper.store.errors import StoreError
from tasks.session import opened


@contextmanager
def mounted(folder, size, *more):
    """A file system of its own in memory, which is really full when it is full."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        ",".join([f"size={size}", *more]),
        "drill",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a file system needs root; tests/store injects the same faults")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder, room):
    """Write ballast until only `room` bytes are left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(bytes(4096))
        file.truncate(max(file.tell() - room, 0))
    return ballast


def test_full_at_every_point_of_a_commit(artifacts, told):
    """Room for 0, 1, 2 ... pages, until a commit fits: the fault hits every file in turn."""
    config = RunConfig.model_validate(
        {"name": "x", "orbits": 2, "energy_threshold": 5e-2, "network": {"hidden": (8,)}}
        | {"initial_conditions": {"eccentricity": (0.0, 0.1)}}
    )
    places = {"checkpoint": 0, "data or metadata": 0}
    with mounted(artifacts / "runs", "2m") as disk:
        with opened(config) as session:
            session.collect(1)
            rows = session.store.last.rows
        for pages in range(60):
            ballast = fill(disk, 4096 * pages)
            try:
                with opened(config) as session:
                    session.generalize(1)
                break
            except StoreError as error:
                assert "no space left" in str(error)  # noqa: PT017
                assert "free space and type the same command" in str(error)  # noqa: PT017
                inside = "checkpoints" in str(error)
                places["checkpoint" if inside else "data or metadata"] += 1
                assert session.store.read_only(session.store.path).commit.rows == rows
            finally:
                ballast.unlink()
        with opened(config) as session:
            assert session.place.epoch == 2
    assert min(places.values()) > 0, places
    told(
        "disk full in mid-checkpoint and mid-commit (tmpfs)",
        f"{places['checkpoint']} failures in the checkpoint, {places['data or metadata']} in data "
        "or metadata: one sentence each, still at the last commit; with room it went on",
    )


def test_command_on_a_full_disk_goes_on_when_there_is_room(tmp_path, told):
    runs = Runs(tmp_path)
    with mounted(runs.artifacts / "runs", "4m") as disk:
        with ended(runs.start()) as process:
            runs.await_lock(process)
            runs.await_commits(2, process)
            fill(disk, 0)
            _, err = process.communicate(timeout=300)
        said = err.splitlines()[-1]
        assert process.returncode == 2, err
        assert "Traceback" not in err
        assert "no space left" in said
        stood = runs.commit
        (disk / "ballast").unlink()
        code, _, err = runs.train("--epochs", stood.epoch + 1)
        assert code == 0, err
        assert runs.commit.epoch == stood.epoch + 1
    told(
        "disk full under the command (tmpfs)",
        f'exit code 2, "...{said[-70:]}"; with room the same command went on from epoch '
        f"{stood.epoch}",
    )


def test_command_in_a_read_only_folder(tmp_path, told):
    runs = Runs(tmp_path)
    with mounted(runs.artifacts / "runs", "4m", "ro"):
        code, out, err = runs.train("--epochs", 1)
        said = err.splitlines()[-1]
        assert (code, out) == (2, "")
        assert "Traceback" not in err
        assert "read-only" in said
    assert runs.train("--epochs", 1)[0] == 0
    told(
        "read-only folder under the command (tmpfs mounted ro)",
        f'exit code 2, "...{said[-75:]}"; writable again, it trained',
    )
