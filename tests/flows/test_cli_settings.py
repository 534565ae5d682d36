"""Command line over environment over file over default, and the nearest name for a wrong one."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pydantic_settings import BaseSettings

from aitimestepper.errors import UserError
from aitimestepper.settings import RunConfig
from aitimestepper.store.trajectory import TrajectoryStore
from flows.cli_settings import known_settings, run_config
from flows.cli_train import parse

DEFAULT = RunConfig.model_validate({})


def from_line(*words):
    return run_config(parse(words).settings, environment={"HOME": "/"})


@pytest.fixture
def toml(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("epochs = 3\nseed = 3\norbits = 3\n[loss]\nlower = 0.3\nupper = 0.6\n")
    return str(path)


def test_each_place_wins_over_those_behind_it(toml):
    environment = {"AITIMESTEPPER_EPOCHS": "2", "AITIMESTEPPER_SEED": "2"}
    environment["AITIMESTEPPER_LOSS__LOWER"] = "0.2"
    config = run_config({"epochs": "1"}, toml, environment)
    assert (config.epochs, config.seed, config.orbits) == (1, 2, 3)
    assert (config.loss.lower, config.loss.upper) == (0.2, 0.6)
    assert config.loss.overshoot == DEFAULT.loss.overshoot


def test_nothing_given_is_the_default_and_plain():
    config = run_config({}, environment={"HOME": "/"})
    assert config == DEFAULT
    assert type(config) is RunConfig
    assert not isinstance(config, BaseSettings)


def test_dashes_and_underscores_are_alike(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("energy-threshold = 1e-3\n[generalize]\nmax-iterations = 7\n")
    dashes = from_line("--generalize.max-iterations", "7", "--energy-threshold", "1e-3")
    underscores = from_line("--generalize.max_iterations=7", "--energy_threshold=1e-3")
    assert dashes == underscores == run_config({}, str(path), {"HOME": "/"})
    assert dashes.generalize.max_iterations == 7


def test_ranges_choices_and_none_are_read_from_text():
    config = from_line(
        *("--initial-conditions.eccentricity", "0.1,0.5", "--network.hidden", "32"),
        *("--initial-conditions.dimensions", "3", "--collect.max-attempts", "none"),
    )
    assert config.initial_conditions.eccentricity == (0.1, 0.5)
    assert config.network.hidden == (32,)
    assert config.initial_conditions.dimensions == 3
    assert config.collect.max_attempts is None


def test_every_setting_takes_its_own_default_from_every_place():
    from flows.cli_refusals import written

    texts = {key: written(field.default) for key, field in known_settings().items()}
    variables = {
        f"AITIMESTEPPER_{key.replace('.', '__').upper()}": text for key, text in texts.items()
    }
    assert run_config(texts, environment={"HOME": "/"}) == DEFAULT
    assert run_config({}, environment=variables) == DEFAULT


def test_folder_of_artifacts_is_no_setting():
    environment = {"AITIMESTEPPER_ARTIFACTS": "/tmp", "OTHER_EPOCHS": "5"}
    assert run_config({}, environment=environment) == DEFAULT


@pytest.mark.parametrize(
    ("options", "environment", "text", "wanted"),
    [
        ({"epochz": "1"}, {}, "", "--epochz; the nearest is --epochs"),
        ({"max_iteration": "1"}, {}, "", "the nearest is --generalize.max-iterations"),
        ({"loss.lowr": "1"}, {}, "", "--loss.lowr; the nearest is --loss.lower"),
        ({}, {"AITIMESTEPPER_EPOCHZ": "1"}, "", "the nearest is AITIMESTEPPER_EPOCHS,"),
        ({}, {"AITIMESTEPPER_LOSS_LOWER": "1"}, "", "the nearest is AITIMESTEPPER_LOSS__LOWER"),
        ({}, {}, "epochz = 1", '"epochz" in FILE; the nearest is "epochs" in FILE'),
        ({}, {}, "[loss]\nlowr = 1", '"loss.lowr" in FILE; the nearest is "loss.lower" in FILE'),
        ({"loss": "1"}, {}, "", "--loss is a section"),
    ],
)
def test_misspelt_setting_names_the_nearest(tmp_path, options, environment, text, wanted):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(wanted.replace("FILE", str(path)))):
        run_config(options, str(path), {"HOME": "/", **environment})


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("epochs", "abc", "--epochs abc: epochs should be a whole number"),
        ("epochs", "1.5", "should be a whole number"),
        ("energy_threshold", "0", "energy_threshold should be greater than 0, such as"),
        ("energy_threshold", "nan", "should be"),
        ("name", "a/b", "--name a/b: name should be at most 64 letters"),
        ("name", "..", "name should be"),
        ("device", "tpu", "should be 'auto', 'cpu' or 'cuda'"),
        ("initial_conditions.eccentricity", "0.5", "two numbers, lowest,highest"),
        ("initial_conditions.eccentricity", "0.5,0.1", "a range is lowest,highest, got 0.5,0.1"),
        ("initial_conditions.eccentricity", "0,1", "should be less than 1"),
        ("step.eta_min", "3", "eta_min < eta_start < eta_max, got 3, 0.2, 2; change one"),
    ],
)
def test_refused_value_is_named_with_its_limit(key, value, wanted):
    with pytest.raises(UserError, match=re.escape(wanted)):
        run_config({key: value}, environment={"HOME": "/"})


def test_refused_value_is_named_as_its_place_writes_it(toml):
    with pytest.raises(UserError, match="^AITIMESTEPPER_EPOCHS=0: epochs should be"):
        run_config({}, toml, {"AITIMESTEPPER_EPOCHS": "0"})
    with open(toml, "w") as file:
        file.write("epochs = 0")
    with pytest.raises(UserError, match=re.escape(f"epochs = 0 in {toml}: epochs should be")):
        run_config({}, toml, {"HOME": "/"})


def test_a_run_goes_on_with_the_settings_it_began_with(tmp_path, monkeypatch):
    monkeypatch.setenv("AITIMESTEPPER_ARTIFACTS", str(tmp_path))
    began = run_config({"name": "old", "orbits": "3", "loss.lower": "0.25", "epochs": "7"})
    TrajectoryStore.create(
        tmp_path / "runs" / "old" / "trajectory.zarr",
        np.ones((3, 2)),
        2,
        store_uuid="u",
        attributes={"settings": began.model_dump(mode="json")},
    )
    again = run_config({"name": "old", "loss.upper": "0.5"})
    assert (again.orbits, again.loss.lower, again.loss.upper) == (3, 0.25, 0.5)
    assert again.epochs == DEFAULT.epochs
    assert run_config({"name": "new"}).orbits == DEFAULT.orbits


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--energy-threshold 1e-320", "below the rounding"),
        ("--energy-threshold 1e-8 --dtype float32", "below the rounding"),
        ("--seed 1180591620717411303424", "seed should be less than"),
        ("--orbits 1000000000", "orbits should be less than"),
        ("--network.hidden 1000000000,8", "less than or equal to 10000"),
    ],
)
def test_what_no_machine_can_do_is_refused_at_the_door(words, message):
    with pytest.raises(UserError, match=message):
        from_line(*words.split())


def test_truth_in_a_file_is_no_number(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("epochs = true\n[network]\nhidden = [true, 3]\n")
    with pytest.raises(UserError) as refused:
        run_config({}, str(path), {"HOME": "/"})
    assert "epochs should not be true or false" in str(refused.value)
    assert "network.hidden should not be true or false" in str(refused.value)


def test_numbers_by_hand_are_read_from_text():
    given = ("--features.centre", "1,2", "--features.spread", "0.5,3")
    config = from_line(*given)
    assert (config.features.centre, config.features.spread) == ((1.0, 2.0), (0.5, 3.0))
    assert from_line("--features.centre", "none").features.centre is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--features.centre", "1,2"), "centre and spread together"),
        (("--features.centre", "1,2", "--features.spread", "1"), "as many numbers"),
        (("--features.kind", "delta_mag"), "history.length of 1 or more"),
        (("--optimizer.momentum", "0.9"), "belongs to kind sgd"),
        (("--features.kind", "delta"), "features.kind should be"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(words, told):
    with pytest.raises(UserError, match=told):
        from_line(*words)
