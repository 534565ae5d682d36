"""What is logged to a run can be read back with MLflow's own client."""

import json
import math
import time
from pathlib import Path

import pytest

IDENTITY = "5a0c9a3e-9d0c-4c55-8a3c-0123456789ab@640:" + "0123456789abcdef" * 4


def test_metrics_come_back_by_epoch(run):
    for epoch in range(3):
        run.log_epoch(epoch, {"collect/accepted": 1 / (epoch + 1), "sweeps": epoch})
    history = run.client.get_metric_history(run.run_id, "collect/accepted")
    assert [(metric.step, metric.value) for metric in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]


def test_logged_epoch_says_where_to_deliver_from(run):
    assert run.logged_epoch == -1
    run.log_epoch(11, {"loss": 1.0})
    run.log_epoch(4, {"other": 1.0})
    assert run.logged_epoch == 11


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_non_finite_metric_is_refused_with_its_name(run, value):
    with pytest.raises(ValueError, match="epoch 3 .*worst"):
        run.log_epoch(3, {"worst": value, "fine": 1.0})
    assert run.logged_epoch == -1


def log_dataset(run, identity, path):
    run.log_dataset(identity, path=path, rows=640, orbits=16, bodies=2, dimensions=3)


def test_dataset_is_an_input_of_the_run(run, tmp_path):
    log_dataset(run, IDENTITY, tmp_path / "trajectory.zarr")
    logged = run.client.get_run(run.run_id)
    (shown,) = logged.inputs.dataset_inputs
    assert shown.dataset.digest == IDENTITY.split(":")[1][:36]
    assert json.loads(shown.dataset.profile)["rows"] == 640
    assert "position" in shown.dataset.schema
    assert {tag.key: tag.value for tag in shown.tags} == {"mlflow.data.context": "training"}
    assert logged.data.tags["aitimestepper.dataset"] == IDENTITY


def test_dataset_source_leads_back_to_the_store(run, tmp_path):
    from mlflow.data import get_source

    store = tmp_path / "trajectory.zarr"
    store.mkdir()
    (store / "zarr.json").write_text("{}")
    log_dataset(run, IDENTITY.replace(":0", ":a"), store)
    dataset = run.client.get_run(run.run_id).inputs.dataset_inputs[0].dataset
    assert get_source(dataset).load() == str(store)


def test_longer_dataset_is_another_input_and_the_same_one_is_not(run, tmp_path):
    log_dataset(run, IDENTITY, tmp_path)
    log_dataset(run, IDENTITY, tmp_path)
    assert len(run.client.get_run(run.run_id).inputs.dataset_inputs) == 1
    log_dataset(run, IDENTITY.replace("@640:0", "@800:f"), tmp_path)
    assert len(run.client.get_run(run.run_id).inputs.dataset_inputs) == 2


def test_table_logged_twice_stands_there_once(run, uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)  # `load_table` reads from the global address
    rows = [{"case": "circular", "steps": 10, "error": 1e-5}, {"case": "eccentric", "steps": 20}]
    run.log_table(rows, "evaluation.json")
    run.log_table(rows, "evaluation.json")
    table = run.client.load_table(run.experiment_id, "evaluation.json", run_ids=[run.run_id])
    assert table["steps"].tolist() == [10, 20]
    assert table["error"][0] == 1e-5
    assert math.isnan(table["error"][1])
    shown = run.client.get_run(run.run_id).data.tags["mlflow.loggedArtifacts"]
    assert json.loads(shown) == [{"path": "evaluation.json", "type": "table"}]


def test_file_text_and_note_are_attached(run, tmp_path):
    figure = tmp_path / "figure.svg"
    figure.write_text("<svg/>")
    run.log_file(figure, "figures")
    run.log_text("two lines\n", "report.txt")
    run.set_note("# Result")

    def attached(file):
        return Path(run.client.download_artifacts(run.run_id, file)).read_text()

    assert attached("figures/figure.svg") == "<svg/>"
    assert attached("report.txt") == "two lines\n"
    assert run.client.get_run(run.run_id).data.tags["mlflow.note.content"] == "# Result"


def test_missing_file_is_named(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="figure.svg"):
        run.log_file(tmp_path / "figure.svg")


def test_page_is_the_address_of_the_run(run):
    page = run.page("http://localhost:5000/")
    assert page == f"http://localhost:5000/#/experiments/{run.experiment_id}/runs/{run.run_id}"


def test_system_metrics_do_not_count_as_an_epoch(run):
    with run.system_metrics(interval=1):
        time.sleep(1.5)
    assert any(key.startswith("system/cpu") for key in run.client.get_run(run.run_id).data.metrics)
    assert run.logged_epoch == -1


def test_system_metrics_can_be_switched_off(run, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")
    with run.system_metrics(interval=1):
        time.sleep(1.5)
    assert run.client.get_run(run.run_id).data.metrics == {}
