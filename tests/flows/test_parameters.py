"""The flow's form shows what the settings model says."""

from __future__ import annotations

import pytest
from prefect.exceptions import ParameterTypeError
from prefect.utilities.callables import parameter_schema

from aitimestepper.settings import RunConfig
from flows.training import two_phase_training


def test_every_setting_is_a_parameter_with_its_default():
    schema = parameter_schema(two_phase_training.fn)
    assert list(schema.properties) == list(RunConfig.model_fields)
    validated = two_phase_training.validate_parameters({})
    assert RunConfig(**validated) == RunConfig()


def test_form_shows_type_limit_and_description():
    epochs = parameter_schema(two_phase_training.fn).properties["epochs"]
    expected = {"type": "integer", "exclusiveMinimum": 0, "description": "number of epochs in all"}
    assert expected.items() <= epochs.items()


def test_every_parameter_is_described():
    schema = parameter_schema(two_phase_training.fn)
    for told in schema.properties.values():
        section = schema.definitions.get(told.get("$ref", "").rpartition("/")[2], {})
        assert told.get("description") or section["description"]


def test_wrong_value_is_refused_by_the_form():
    with pytest.raises(ParameterTypeError, match="epochs"):
        two_phase_training.validate_parameters({"epochs": 0})


def test_plain_json_becomes_sections():
    given = {"network": {"hidden": [3]}, "energy_threshold": "1e-3"}
    config = RunConfig(**two_phase_training.validate_parameters(given))
    assert (config.network.hidden, config.energy_threshold) == ((3,), 1e-3)
