"""What `serve` and `prefect deploy` deploy is the same, and its form refuses wrong values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from prefect.utilities.schema_tools.validation import is_valid

from aitimestepper.settings import RunConfig
from flows import serving
from flows.automations import silence
from flows.deployments import deployments

YAML = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())


@pytest.fixture(scope="module")
def deployed():
    return {f"{each.flow_name}/{each.name}": each for each in deployments()}


def test_both_ways_deploy_the_same_flows(deployed):
    served = {(d.entrypoint.rpartition(".")[2], d.name, d.description) for d in deployed.values()}
    written = {
        (d["entrypoint"].rpartition(":")[2], d["name"], d["description"])
        for d in YAML["deployments"]
    }
    assert served == written
    assert set(deployed) == {"two-phase-training/local", "simulate/local", "evaluate/local"}


def test_both_ways_send_heartbeats_often_enough_not_to_count_as_crashed(tmp_path, monkeypatch):
    monkeypatch.setattr(serving.os, "environ", {"PATH": ""})
    serving._set_environment(tmp_path, serving.Addresses("127.0.0.1", 1, 2))
    key = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
    written = [d["work_pool"]["job_variables"]["env"][key] for d in YAML["deployments"]]
    for seconds in (serving.os.environ[key], *written):
        assert 3 * int(seconds) <= silence().total_seconds()


def test_form_of_the_training_has_every_setting_with_type_default_and_description(deployed):
    schema = deployed["two-phase-training/local"]._parameter_openapi_schema.model_dump()
    assert list(schema["properties"]) == list(RunConfig.model_fields)
    epochs = schema["properties"]["epochs"]
    assert (epochs["type"], epochs["default"]) == ("integer", RunConfig().epochs)
    for name, section in schema["definitions"].items():
        for key, told in section.get("properties", {}).items():
            assert told.get("description") or "const" in told or "$ref" in str(told), (name, key)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"epochs": "many"}, {"network": {"hiden": [8]}}, {"energy_threshold": -1}],
)
def test_form_refuses_what_no_training_can_use(deployed, wrong):
    schema = deployed["two-phase-training/local"]._parameter_openapi_schema
    told = schema.model_dump(exclude_none=True)
    assert is_valid({"name": "one", "epochs": 3}, told)
    assert not is_valid(wrong, told)
