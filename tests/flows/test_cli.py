"""A mistake costs exit code 2 and one line on standard error, and changes nothing on disk."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import xarray

from aitimestepper.errors import UserError
from flows import cli, cli_train
from flows.cli import main

SIMULATE = "simulate --model fixed:0.01 --case kepler-e0.5"

BAD = [
    ("frobnicate", "no command"),
    ("trian", "train --help"),
    ("train --epochz 3", "nearest is --epochs"),
    ("train --epochs=abc", "whole number"),
    ("train --epochs", "needs a value"),
    ("train --energy-threshold 0", "greater than 0"),
    ("train --name a/b", "letters"),
    ("train demo", "--name demo"),
    ("train -n demo", "two dashes"),
    ("train --config gone.toml", "no settings file gone.toml"),
    ("train --config broken.toml", "is not TOML"),
    ("train --config .", "cannot be read"),
    ("status nope", 'no run "nope"'),
    ("status --jason", "nearest is --json"),
    ("status a b", "one word too many"),
    (SIMULATE, "--periods --duration --steps is required"),
    (f"{SIMULATE} --duration 0", "greater than 0"),
    (f"{SIMULATE} --duration -1", "greater than 0"),
    (f"{SIMULATE} --duration inf", "finite"),
    (f"{SIMULATE} --periods x", "not a number"),
    (f"{SIMULATE} --steps 1.5", "whole number"),
    (f"{SIMULATE} --steps 2 --periods 1", "not allowed with"),
    (f"{SIMULATE} --ic b.csv --steps 2", "not allowed with"),
    (f"{SIMULATE} --steps 2 --scheme fancy", "invalid choice"),
    (f"{SIMULATE} --steps 2 --scale 0", "greater than 0"),
    (f"{SIMULATE} --steps 2 --scale nan", "finite"),
    (f"{SIMULATE} --steps 2 --iterations 2", "does not iterate"),
    (f"{SIMULATE} --steps 2 --scheme symmetric --iterations 0", "whole number"),
    (f"{SIMULATE} --steps 2 --scheme reversible --guard --out o.zarr", "leave out the guard"),
    (f"{SIMULATE} --steps 2 --systems 3", "no family"),
    (f"{SIMULATE} --steps 2 --resume", "no file"),
    (f"{SIMULATE} --steps 2 --resume --out none.zarr", "no simulation file"),
    ("simulate --model fixed:0.01 --steps 2", "--case --ic is required"),
    ("simulate --case kepler-e0.5 --steps 2", "--model"),
    ("simulate --model fixed:0.01 --case nope --steps 2 --out o.zarr", 'no case "nope"'),
    ("simulate --model nope --case kepler-e0.5 --steps 2 --out o.zarr", 'no run "nope"'),
    ("simulate --model fixed:0.01 --ic gone.csv --steps 2 --out o.zarr", "no file gone.csv"),
    ("simulate --model fixed:0.01 --ic unbound.csv --steps 2 --out o.zarr", "bound"),
    ("evaluate", "--model"),
    ("evaluate --model fixed:0.01 --periods 0", "greater than 0"),
    ("evaluate --model fixed:0.01 --cases gone.json --out o", "gone.json"),
    ("evaluate --model fixed:0.01 --cases broken.toml --out o", "not JSON"),
    ("evaluate --model fixed:0.01 --out broken.toml", "is a file"),
    (f"{SIMULATE} --steps 2 --movie broken.toml", ".mp4 or .gif"),
    (f"{SIMULATE} --steps 2 --movie o.gif --resume", "give it as out"),
    ("export --model fixed:0.01", "--out"),
    ("export --model fixed:0.01 --out o.npz", "is a formula"),
    ("export --model fixed:0.01 --out o.pkl", ".npz, .onnx, .pt2"),
    ("export --model nope --out o.npz", 'no run "nope"'),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with some broken input, and no artifacts."""
    (tmp_path / "broken.toml").write_text("epochs = = 3\n")
    (tmp_path / "unbound.csv").write_text("1,0,0,0,0\n1,1,0,0,9\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(tmp_path / "artifacts"))
    return tmp_path


def everything(folder):
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.parametrize(("line", "wanted"), BAD, ids=[line for line, _ in BAD])
def test_mistake_is_one_sentence_and_changes_nothing(folder, capsys, line, wanted):
    before = everything(folder)
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert wanted in err
    assert everything(folder) == before


@pytest.mark.parametrize("line", ["train --energy-threshold 0", "status nope"])
def test_mistake_in_a_process_of_its_own_shows_no_traceback(folder, line):
    before = everything(folder)
    command = [sys.executable, "-m", "flows.cli", *line.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert everything(folder) == before


def test_misspelt_variable_stops_a_training(folder, capsys, monkeypatch):
    monkeypatch.setenv("AITIMESTEPPER_EPOCHZ", "3")
    assert main(["train"]) == 2
    assert "AITIMESTEPPER_EPOCHS" in capsys.readouterr().err
    assert not (folder / "artifacts").exists()


@pytest.mark.parametrize("line", ["--help", "train --help", "simulate --help", "evaluate -h"])
def test_help_imports_nothing_heavy(line):
    program = textwrap.dedent(
        f"""
        import sys
        from flows.cli import main
        assert main({line.split()!r}) == 0
        heavy = {{"prefect", "torch", "mlflow", "zarr", "matplotlib"}} & set(sys.modules)
        assert not heavy, heavy
        """
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "aitimestepper" in done.stdout


def test_status_imports_neither_prefect_nor_mlflow(folder):
    program = textwrap.dedent(
        """
        import sys
        from flows.cli import main
        assert main(["status"]) == 0
        heavy = {"prefect", "mlflow"} & set(sys.modules)
        assert not heavy, heavy
        """
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No runs" in done.stdout
    assert not (folder / "artifacts").exists()


def test_every_setting_is_in_the_help(capsys):
    from flows.cli_settings import known_settings

    main(["train", "--help"])
    text = capsys.readouterr().out
    assert all(f"--{key.replace('_', '-')} " in text for key in known_settings())


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("first line\n  second line"), 2, "first line second line\n"),
        (KeyboardInterrupt("Stopped; go on."), 130, "Stopped; go on.\n"),
        (KeyboardInterrupt(), 130, "Stopped; type the same command again to go on.\n"),
    ],
)
def test_end_of_a_command_is_one_line(monkeypatch, capsys, error, code, said):
    def fails(_):
        raise error

    monkeypatch.setattr(cli_train, "run", fails)
    assert main(["train"]) == code
    assert capsys.readouterr() == ("", said)


def test_fault_of_the_program_keeps_its_traceback(monkeypatch):
    def fails(_):
        raise ValueError("shapes")

    monkeypatch.setattr(cli_train, "run", fails)
    with pytest.raises(ValueError, match="shapes"):
        main(["train"])


def test_every_command_has_a_module_that_runs():
    for command in cli.COMMANDS.values():
        assert callable(__import__(f"flows.{command.module}", fromlist=["run"]).run)


def test_simulate_prints_one_json_object(folder, capsys):
    assert main(f"{SIMULATE} --periods 1 --json --out run.zarr".split()) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert err == ""
    assert (told["model"], told["scheme"], told["steps"]) == ("fixed:0.01", "plain", 629)
    assert told["time"] == pytest.approx(6.283185307179586)
    assert told["gate_violations"] == 0
    assert (folder / "run.zarr" / "zarr.json").is_file()


def test_periods_of_a_published_case_need_no_pair(capsys):
    line = "simulate --model fixed:0.01 --case figure-eight --periods 1 --json"
    assert main(line.split()) == 0
    assert json.loads(capsys.readouterr().out)["time"] == pytest.approx(6.32591398)


def test_evaluate_writes_what_it_prints(folder, capsys):
    pair = {"a": 1.0, "e": 0.1, "q": 1.0, "total": 1.0, "start": "apocentre"}
    cases = {"pair": {"elements": pair}, "endless": {"rows": [[1, -1, 0, 0, 0], [1, 1, 0, 0, 0]]}}
    (folder / "cases.json").write_text(json.dumps(cases))
    line = "evaluate --model freefall:0.03 --cases cases.json --periods 0.2 --out report --json"
    assert main(line.split()) == 0
    out, err = capsys.readouterr()
    rows = json.loads(out)
    assert "skipped endless: it has no period and no horizon\n" in err
    assert "evaluated best fixed on 1 cases\n" in err
    assert {row["case"] for row in rows} == {"pair"}
    assert rows == json.loads((folder / "report" / "evaluation.json").read_text())
    rules = {row["rule"]: row for row in rows}
    assert rules["oracle"]["steps_over_oracle"] == 1
    assert rules["freefall:0.03"]["steps"] > rules["oracle"]["steps"]
    assert "| pair" in (folder / "report" / "evaluation.md").read_text()


def test_an_ensemble_with_scheme_and_guard_prints_its_figures(capsys):
    line = (
        "simulate --model freefall:0.2 --case scattering-family --systems 3 --duration 20 "
        "--scheme symmetric --iterations 2 --guard --json"
    )
    assert main(line.split()) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["systems"], told["scheme"], told["guard"]) == (3, "symmetric", True)
    assert told["evaluations"] > 6 * told["steps"]
    assert told["gate_violations"] == told["ended_early"] == 0


def test_scaled_steps_are_those_of_the_rule_with_another_eta(capsys):
    told = []
    for rule in ("freefall:0.1 --scale 0.5", "freefall:0.05"):
        assert main(f"simulate --model {rule} --case kepler-e0.5 --periods 2 --json".split()) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert (told[0].pop("scale"), told[1].pop("scale")) == (0.5, 1)
    assert all(told[0][key] == told[1][key] for key in ("steps", "time", "energy_error_max"))


def test_a_run_that_ends_early_says_where_and_fails(capsys):
    line = "simulate --model fixed:1e-300 --case kepler-e0.5 --duration 1 --json"
    assert main(line.split()) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["ended_early"] == 1
    assert err.startswith("The run ended early at t = ")
    assert err.endswith("where fixed:1e-300 led nowhere; choose another rule, or the guard.\n")


def test_ctrl_c_says_how_to_go_on_and_the_same_line_goes_on(folder):
    """In a process of its own, as a user presses it."""
    words = [sys.executable, "-m", "flows.cli", *SIMULATE.split(), "--periods", "2000"]
    words += ["--out", "run.zarr", "--no-judge", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        for _ in range(600):
            if list(folder.glob("run.zarr/position/c*")):
                break
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "")
    assert "with --resume to go on.\n" in err
    assert "Traceback" not in err
    written = xarray.open_zarr(folder / "run.zarr").sizes["step"]
    assert written > 1000
    assert (folder / "run.zarr" / "mass" / ".resume.npz").is_file()
