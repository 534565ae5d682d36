"""A run goes on with other settings only where they cannot falsify it."""

from __future__ import annotations

import pytest

from aitimestepper.settings import RunConfig
from tasks.resume import SettingsChanged, check_unchanged, fingerprint, going_on
from tasks.session import opened

BEGAN = RunConfig(epochs=3).model_dump(mode="json")


def test_more_epochs_and_longer_patience_are_fine():
    changed = {"epochs": 9, "collect": {"max_attempts": 7}, "evaluation": {"periods": 9.0}}
    config = RunConfig.model_validate(BEGAN | changed)
    check_unchanged(BEGAN, config)
    assert fingerprint(config) == fingerprint(RunConfig())


def test_every_changed_setting_is_named_with_both_values():
    config = RunConfig.model_validate(BEGAN | {"seed": 1, "network": {"hidden": [8]}})
    with pytest.raises(SettingsChanged) as refusal:
        check_unchanged(BEGAN, config)
    assert "network.hidden [64, 64] -> [8]; seed 0 -> 1" in str(refusal.value)
    assert fingerprint(config) != fingerprint(RunConfig())


def test_setting_younger_than_the_run_counts_as_its_default():
    began = {key: value for key, value in BEGAN.items() if key != "gate"}
    check_unchanged(began, RunConfig())
    with pytest.raises(SettingsChanged, match="gate.probes 4 -> 5"):
        check_unchanged(began, RunConfig.model_validate({"gate": {"probes": 5}}))


@pytest.mark.usefixtures("artifacts")
def test_defaults_that_a_form_fills_in_are_what_the_run_began_with(tiny):
    filled = RunConfig(name=tiny.name, epochs=9)
    assert going_on(filled) == filled
    with opened(tiny) as session:
        assert going_on(filled) == filled
        session.collect(1)
    assert going_on(filled) == tiny.model_copy(
        update={"epochs": 9, "evaluation": filled.evaluation}
    )
    other = RunConfig(name=tiny.name, seed=5)
    assert going_on(other).seed == 5
    with pytest.raises(SettingsChanged, match="seed 0 -> 5"):
        check_unchanged(tiny.model_dump(mode="json"), going_on(other))
