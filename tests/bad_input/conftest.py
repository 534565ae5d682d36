"""A folder of bad input, and one judge of how a command takes it."""

from __future__ import annotations

import hashlib
import shlex
import shutil

import pytest

from aitimestepper.settings import RunConfig
from flows.cli import main
from tasks.session import opened


def everything(folder):
    """Every path below a folder, with the content of every file; the lock of a run aside."""
    return {
        str(path.relative_to(folder)): path.is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder; the artifacts lie in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(tmp_path / "artifacts"))
    return tmp_path


@pytest.fixture
def refused(folder, capsys):
    """Run a command that must be refused: one sentence, code 2, nothing changed on disk."""

    def refuse(line, *wanted):
        before = everything(folder)
        code = main(shlex.split(line) if isinstance(line, str) else line)
        out, err = capsys.readouterr()
        assert (code, out) == (2, ""), err
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        assert "Errno" not in err
        assert len(err) > 20, err
        assert all(word in err for word in wanted), err
        assert everything(folder) == before
        return err

    return refuse


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Artifacts with a run "x" of two epochs; to be copied, never changed."""
    home = tmp_path_factory.mktemp("finished")
    config = RunConfig.model_validate(
        {
            "name": "x",
            "epochs": 2,
            "orbits": 2,
            "energy_threshold": 5e-2,
            "initial_conditions": {"eccentricity": (0.0, 0.1)},
            "network": {"hidden": (8,)},
            "generalize": {"sweep_every": 5, "min_iterations": 5},
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AITIMESTEPPER_ARTIFACTS", str(home))
        with opened(config) as session:
            for epoch in (1, 2):
                session.collect(epoch)
                session.generalize(epoch)
    return home


@pytest.fixture
def trained(finished, folder):
    """The folder of a finished run "x" that a test may damage."""
    shutil.copytree(finished, folder / "artifacts")
    return folder / "artifacts" / "runs" / "x"
