"""The flow trains, and goes on from the last commit whatever ended it before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from prefect.client.orchestration import get_client

from aitimestepper.errors import UserError
from aitimestepper.folders import RunFolder, tracking_uri
from aitimestepper.store import checkpoints
from aitimestepper.store.trajectory import TrajectoryStore
from aitimestepper.tracking.client import connect
from flows.training import two_phase_training
from tasks.resume import SettingsChanged
from tasks.session import Session

pytestmark = pytest.mark.usefixtures("prefect_server", "artifacts")


def train(config, **changes):
    return two_phase_training(**dict(config.model_copy(update=changes)))


def committed(config):
    """Where the store stands, and the weights of the checkpoint that it names."""
    folder = RunFolder(config.name)
    _, commit = TrajectoryStore.read_only(folder.store)
    weights = checkpoints.read(folder.checkpoints / commit.checkpoint, commit.checkpoint_sha256)
    return commit, weights["model"]


def await_task_states(expected):
    """Wait for the states of the latest task runs, which reach the server as events."""
    found, deadline = {}, time.monotonic() + 20
    while found != expected and time.monotonic() < deadline:
        with get_client(sync_client=True) as client:
            runs = client.read_task_runs(limit=200)
        ours = [run for run in runs if run.name in expected and run.start_time]
        ours.sort(key=lambda run: run.start_time)
        found = {run.name: run.state_name for run in ours}
        time.sleep(0.2)
    assert found == expected


def tracked(config):
    """The one MLflow run of a training, and the client that found it."""
    client = connect(tracking_uri())
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    name = f"tags.`aitimestepper.run` = '{config.name}'"
    (run,) = client.search_runs(experiments, filter_string=name)
    return run, client


class Unplugged(RuntimeError):
    """The process is gone."""


@pytest.fixture
def unplugged_in_second_generalize(monkeypatch):
    """The process ends after phase 1 of epoch 2."""
    whole = Session.generalize

    def broken(session, epoch, progress):
        if epoch == 2:
            raise Unplugged
        return whole(session, epoch, progress)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "generalize", broken)
        yield patch


@pytest.mark.slow
def test_figures_and_report_are_on_disk_in_mlflow_and_in_prefect(tiny):
    train(tiny, epochs=1, evaluation=tiny.evaluation.model_copy(update={"report_orbits": 1.0}))
    folder = RunFolder(tiny.name).report
    drawn = {path.stem for path in folder.glob("*.png")}
    assert {"attempts", "energy", "errors", "orbits", "pericentre", "work-precision"} <= drawn
    assert (
        TrajectoryStore.read_only(RunFolder(tiny.name).store).header.uuid
        in (folder / "report.html").read_text()
    )
    run, client = tracked(tiny)
    kept = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "report")}
    assert kept >= {"report.html", *(f"{name}{end}" for name in drawn for end in (".png", ".svg"))}
    with get_client(sync_client=True) as client:
        shown = {artifact.key: artifact for artifact in client.read_latest_artifacts()}
    assert {f"tiny-{name}" for name in drawn} <= shown.keys()
    assert shown["tiny-energy"].data.startswith("data:image/png;base64,")


def test_trains_every_epoch_and_continues_without_repeating_one(tiny):
    first = train(tiny)
    assert (first.resumed_from, first.epochs_run) == (1, 2)
    before, weights = committed(tiny)
    again = train(tiny)
    assert (again.resumed_from, again.epochs_run) == (3, 0)
    assert committed(tiny)[0] == before
    more = train(tiny, epochs=3)
    assert (more.resumed_from, more.epochs_run) == (3, 1)
    after, changed = committed(tiny)
    assert (after.epoch, after.phase, after.rows) == (3, "generalize", 3)
    assert not all(torch.equal(weights[key], changed[key]) for key in weights)
    run, client = tracked(tiny)
    assert client.get_model_version(tiny.name, more.model_version).run_id == run.info.run_id
    assert again.model_version == first.model_version != more.model_version
    assert "best freefall" in more.evaluation.unseen
    assert (RunFolder("tiny").report / "evaluation.json").is_file()
    history = client.get_metric_history(run.info.run_id, "generalize/passing")
    assert run.info.status == "FINISHED"
    assert [(metric.step, metric.value) for metric in history] == [(1, 1.0), (2, 1.0), (3, 1.0)]


def test_interrupted_between_phases_it_ends_bit_identical(tiny, unplugged_in_second_generalize):
    with pytest.raises(Unplugged):
        train(tiny)
    stopped, _ = committed(tiny)
    assert (stopped.epoch, stopped.phase) == (2, "collect")
    unplugged_in_second_generalize.undo()
    train(tiny)
    await_task_states({"collect-0002": "Cached", "generalize-0002": "Completed"})
    whole = tiny.model_copy(update={"name": "whole"})
    train(whole)
    (commit, weights), (reference, expected) = committed(tiny), committed(whole)
    assert commit.sha256 == reference.sha256
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


def test_mlflow_shows_what_the_machine_did(tiny, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.1")
    train(tiny, epochs=3)
    assert "system/cpu_utilization_percentage" in tracked(tiny)[0].data.metrics


def test_settings_that_would_falsify_the_run_are_refused_and_change_nothing(tiny):
    train(tiny, epochs=1)
    before = committed(tiny)[0]
    with pytest.raises(SettingsChanged, match=r"energy_threshold 0\.05 -> 0\.06") as refusal:
        train(tiny, energy_threshold=0.06, epochs=4)
    assert "epochs 1" not in str(refusal.value)
    assert committed(tiny)[0] == before


def test_mistake_of_the_user_is_not_retried_and_arrives_as_itself(tiny, monkeypatch):
    calls = []

    def refused(*_):
        calls.append(1)
        raise UserError("mend it")

    monkeypatch.setattr(Session, "collect", refused)
    with pytest.raises(UserError, match="mend it"):
        train(tiny)
    assert calls == [1]
    assert tracked(tiny)[0].info.status == "FAILED"
