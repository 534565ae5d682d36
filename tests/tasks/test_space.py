"""What may vary is written in one way, and a proposal becomes settings that were checked."""

from __future__ import annotations

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import create_trial

from aitimestepper.errors import UserError
from tasks.space import settings_of, space_of


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("optimizer.learning_rate", "log 1e-4..1e-2", FloatDistribution(1e-4, 1e-2, log=True)),
        ("optimizer.learning_rate", "0.1..0.9", FloatDistribution(0.1, 0.9)),
        ("optimizer.clip", "1.0..2.5e1", FloatDistribution(1.0, 25.0)),
        ("orbits", "4..64", IntDistribution(4, 64)),
        ("orbits", "log 4..64", IntDistribution(4, 64, log=True)),
        ("orbits", "8|16", CategoricalDistribution(["8", "16"])),
        ("network.hidden", "[8]|[8,8]", CategoricalDistribution(["[8]", "[8,8]"])),
    ],
)
def test_values_are_ranges_or_choices(tiny, name, text, wanted):
    assert space_of({name: text}, tiny) == {name: wanted}


@pytest.mark.parametrize("text", ["", "3", "8|", "1..", "9..1", "log 0..1", "a..b"])
def test_anything_else_is_refused(tiny, text):
    with pytest.raises(UserError, match="orbits cannot vary"):
        space_of({"orbits": text}, tiny)


@pytest.mark.parametrize("name", ["orbit", "optimizer", "optimizer.lr", "network.hidden.deep"])
def test_what_is_no_setting_cannot_vary(tiny, name):
    with pytest.raises(UserError, match=f"no setting {name} "):
        space_of({name: "1..2"}, tiny)


def trial(space, params):
    return create_trial(params=params, distributions=space, value=0.0)


def test_a_proposal_replaces_what_varies_and_nothing_else(tiny):
    vary = {"network.hidden": "[8]|[8,8]", "optimizer.learning_rate": "1e-3..1e-2"}
    proposed = trial(
        space_of(vary, tiny), {"network.hidden": "[8,8]", "optimizer.learning_rate": 5e-3}
    )
    proposed.number = 7
    config = settings_of(proposed, tiny, vary)
    assert config.network.hidden == (8, 8)
    assert config.name == f"{tiny.name}-0007"
    rest = {"network", "optimizer", "name"}
    assert config.model_dump(exclude=rest) == tiny.model_dump(exclude=rest)


def test_a_value_that_a_setting_refuses_is_said_so(tiny):
    vary = {"optimizer.clip": "-1.0..1.0"}
    proposed = trial(space_of(vary, tiny), {"optimizer.clip": -0.5})
    with pytest.raises(UserError, match="optimizer.clip"):
        settings_of(proposed, tiny, vary)
