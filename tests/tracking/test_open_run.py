"""A training has one MLflow run, whichever process logs to it."""

import subprocess
import sys
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest

from aitimestepper.tracking import TrackingError, open_run


def test_resumed_run_continues_by_id(uri, name, run):
    run.log_epoch(0, {"accepted": 0.5})
    run.finish("FAILED")
    again = open_run(uri, name=name, run_id=run.run_id, parameters={}, tags={})
    again.log_epoch(1, {"accepted": 0.75})
    history = again.client.get_metric_history(run.run_id, "accepted")
    assert [(metric.step, metric.value) for metric in history] == [(0, 0.5), (1, 0.75)]


def test_reopened_run_is_running_until_finished(uri, name, run):
    run.finish("KILLED")
    assert run.client.get_run(run.run_id).info.status == "KILLED"
    open_run(uri, name=name, run_id=None, parameters={}, tags={})
    assert run.client.get_run(run.run_id).info.status == "RUNNING"


@pytest.mark.parametrize("lost", [None, "0123456789abcdef0123456789abcdef"])
def test_lost_id_falls_back_to_name_and_store(uri, name, lost):
    def opened(store, run_id=None):
        tags = {"aitimestepper.store": store}
        return open_run(uri, name=name, run_id=run_id, parameters={}, tags=tags).run_id

    first, other = opened("store-1"), opened("store-2")
    assert first != other
    assert opened("store-1", lost) == first
    assert opened("store-2", lost) == other


def test_deleted_run_is_not_continued(uri, name, run):
    run.client.delete_run(run.run_id)
    again = open_run(uri, name=name, run_id=run.run_id, parameters={}, tags={})
    assert again.run_id != run.run_id


def test_changed_parameter_is_kept_as_tag(uri, name):
    def described(**parameters):
        run = open_run(uri, name=name, run_id=None, parameters=parameters, tags={})
        data = run.client.get_run(run.run_id).data
        return data.params, data.tags.get("aitimestepper.changed.epochs")

    assert described(epochs=20, seed=0) == ({"epochs": "20", "seed": "0"}, None)
    assert described(epochs=50, orbits=16) == ({"epochs": "20", "seed": "0", "orbits": "16"}, "50")
    assert described(epochs=20)[1] is None


def test_more_than_a_hundred_parameters_arrive(uri, name):
    parameters = {f"section.key_{k}": k for k in range(150)}
    run = open_run(uri, name=name, run_id=None, parameters=parameters, tags={"who": "me"})
    data = run.client.get_run(run.run_id).data
    assert data.params == {key: str(value) for key, value in parameters.items()}
    assert (data.tags["who"], data.tags["aitimestepper.run"]) == ("me", name)


def test_files_lie_beside_the_database(uri, run):
    run.log_text("hello", "note.txt")
    folder = Path(unquote(urlsplit(run.client.get_run(run.run_id).info.artifact_uri).path))
    assert (folder / "note.txt").read_text() == "hello"
    assert Path(uri.removeprefix("sqlite:///")).parent / "artifacts" in folder.parents


def test_runs_opened_in_threads_keep_their_stores_apart(tmp_path):
    uris = [f"sqlite:///{tmp_path}/{k}/mlflow.db" for k in range(2)]
    opened = {}

    def work(uri):
        opened[uri] = run = open_run(uri, name="same", run_id=None, parameters={}, tags={})
        run.log_epoch(0, {"loss": float(uris.index(uri))})

    threads = [Thread(target=work, args=(uri,)) for uri in uris]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    runs = [opened[uri] for uri in uris]
    assert [r.client.get_run(r.run_id).data.metrics["loss"] for r in runs] == [0, 1]


def test_deleted_experiment_says_how_to_restore_it(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run = open_run(uri, name="a", run_id=None, parameters={}, tags={})
    run.client.delete_experiment(run.experiment_id)
    with pytest.raises(TrackingError, match="mlflow experiments restore --experiment-id"):
        open_run(uri, name="a", run_id=None, parameters={}, tags={})


def test_importing_the_package_imports_no_mlflow():
    code = "import sys, aitimestepper.tracking; sys.exit('mlflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
