"""What `train` shows while it runs, and that standard output holds the result alone."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from aitimestepper.store.lock import RunLock
from flows import cli_progress, local
from flows.cli import main
from flows.cli_progress import Lines, epoch_line
from tasks.reports import EvaluationReport, PhaseProgress, PhaseReport, TrainingReport

from .test_cli_status import begin, commit, register

FIRST = {"accepted": 64.0, "attempts_per_step": 1.5, "worst": 0.9}
SECOND = {"sweeps": 3.0, "passing": 1.0, "worst": 0.987}


def phase(name, numbers, epoch=7):
    return PhaseReport(
        epoch=epoch, phase=name, parent="", commit="", rows=1, seconds=0.75, numbers=numbers
    )


def test_line_of_an_epoch_adds_up_its_phases():
    line = epoch_line(phase("collect", FIRST), phase("generalize", SECOND), 20)
    assert line == (
        "epoch  7/20: 64 accepted, 1.50 attempts/step, 3 sweeps, 100% passing, "
        "worst error 0.99 thresholds, 1.5 s"
    )


def test_epoch_whose_first_phase_ran_before_tells_the_second_alone():
    told = io.StringIO()
    lines = Lines(20, Console(file=told))
    lines(phase("collect", FIRST, epoch=6))
    lines(phase("generalize", SECOND, epoch=7))
    assert told.getvalue().startswith("epoch  7/20: 3 sweeps, ")


def test_long_phase_says_so_from_time_to_time(monkeypatch):
    clock = iter([0.0, 0.0, 4.0, 11.0, 11.0, 15.0])
    monkeypatch.setattr(cli_progress.time, "monotonic", lambda: next(clock))
    told = io.StringIO()
    lines = Lines(20, Console(file=told))
    for attempt in (1, 40, 90, 130):
        text = f"attempt {attempt}: 3 of 16 orbits fail"
        lines(PhaseProgress(epoch=1, phase="collect", percent=0, text=text))
    assert told.getvalue() == "epoch 1 collect: attempt 90: 3 of 16 orbits fail\n"


@pytest.fixture
def trained(artifacts, monkeypatch):
    """A training that is done at once, but has a noisy library in it."""

    def train(config, *, listener):
        print("chatter of a library")  # noqa: T201
        store = begin(config.name)
        for name, numbers in (("collect", FIRST), ("generalize", SECOND)):
            commit(store, 2, name)
            listener(phase(name, numbers, epoch=2))
        register(config.name, "3")
        return TrainingReport(
            name=config.name,
            resumed_from=1,
            epochs_run=2,
            dataset=store.identity,
            mlflow_run_id="abc",
            model_version="3",
            evaluation=EvaluationReport(known="| known |", unseen="| unseen |"),
        )

    monkeypatch.setattr(local, "train", train)
    return artifacts


@pytest.mark.usefixtures("trained")
def test_json_of_a_training_is_one_object(capsys):
    assert main(["train", "--name", "one", "--epochs=2", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["name"], told["state"], told["epoch"]) == ("one", "finished", 2)
    assert (told["epochs_run"], told["resumed_from"], told["model_version"]) == (2, 1, "3")
    assert told["wall_seconds"] > 0
    assert "chatter of a library" in err
    assert "epoch 2/2: 64 accepted" in err


def test_training_ends_with_its_table_and_where_everything_is(trained, capsys):
    assert main(["train", "--name", "one", "--epochs=2"]) == 0
    out = capsys.readouterr().out
    assert "| known |" in out
    assert "chatter" not in out
    run, store, pages = out.splitlines()[-3:]
    assert run == f"Run    {trained / 'runs' / 'one'}"
    assert store.startswith(f"Store  {trained / 'runs' / 'one' / 'trajectory.zarr'}")
    assert str(trained / "mlflow" / "mlflow.db") in pages


@pytest.mark.usefixtures("trained")
def test_pages_of_servers_are_their_addresses(capsys, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    monkeypatch.setenv("PREFECT_API_URL", "http://host:4200/api")
    main(["train", "--name", "one", "--epochs=2"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Pages  MLflow: http://host:5000; Prefect: http://host:4200"


def test_run_that_another_process_trains_is_refused_before_any_server_starts(artifacts, capsys):
    with RunLock(artifacts / "runs" / "one"):
        assert main(["train", "--name", "one", "--epochs=2"]) == 2
    assert "already being trained by process" in capsys.readouterr().err
    assert not (artifacts / "prefect").exists()


def test_server_that_is_away_is_named_in_one_sentence(artifacts, capsys, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    assert main(["train", "--name", "one", "--epochs=2"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Prefect at http://127.0.0.1:1/api does not answer")
    assert not (artifacts / "runs" / "one" / "trajectory.zarr").exists()
