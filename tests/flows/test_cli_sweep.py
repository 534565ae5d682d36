"""A mistake in a sweep is one sentence before anything starts; its file means what it says."""

from __future__ import annotations

import pytest

from aitimestepper.errors import UserError
from aitimestepper.folders import artifacts
from flows.cli_sweep import _options, _parser, run


def options(*argv):
    return _options(_parser().read(["--name", "s", *argv]))


def test_the_file_holds_settings_and_what_varies_and_the_command_line_wins(tmp_path):
    file = tmp_path / "sweep.toml"
    file.write_text('epochs = 3\n[vary]\n"optimizer.clip" = "1.0..2.0"\norbits = "2..4"\n')
    told = options("--config", str(file), "--vary", "orbits=8|16", "--trials", "5")
    assert (told.base.name, told.base.epochs, told.trials) == ("s", 3, 5)
    assert told.vary == {"optimizer.clip": "1.0..2.0", "orbits": "8|16"}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--vary", "orbit=1..2"], "nearest is orbits"),
        (["--vary", "orbits=1"], "cannot vary"),
        (["--vary", "orbits"], "lacks its values"),
        (["--trials", "0"], "greater than 0"),
        (["--penalty", "-1"], "0 or greater"),
        (["--config", "missing.toml"], "no settings file"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(argv, said):
    with pytest.raises(UserError, match=said):
        run(["--name", "s", *argv])
    assert not (artifacts() / "sweeps").exists()
    assert not (artifacts() / "prefect").exists()
