"""A checkpoint becomes a model or one sentence; nothing in between."""

import pytest
import torch

from aitimestepper.build import build
from aitimestepper.errors import UserError
from aitimestepper.simulation.cases import load_cases
from aitimestepper.sources import load
from aitimestepper.store import checkpoints


@pytest.fixture
def payload(tiny):
    """What a checkpoint holds, as far as a model needs it."""
    return {
        "settings": tiny.model_dump_json(),
        "bodies": 2,
        "dimensions": 2,
        "model": build(tiny).model.state_dict(),
    }


def written(folder, payload):
    checkpoints.write(folder, "model.pt", payload)
    return folder / "model.pt"


def test_a_checkpoint_proposes_what_its_model_proposes(tmp_path, payload, tiny):
    system = load_cases()["kepler-e0.5"].system
    expected = build(tiny).model(system)
    assert torch.equal(load(written(tmp_path, payload))(system), expected)


def test_a_model_of_three_dimensions_refuses_two(tmp_path, payload):
    step = load(written(tmp_path, payload | {"dimensions": 3}))
    with pytest.raises(UserError, match=r"N = 2 bodies in D = 3.*N = 2 and D = 2"):
        step(load_cases()["kepler-e0.5"].system)


def test_a_model_trained_on_a_gpu_loads_without_one(tmp_path, payload, tiny):
    settings = tiny.model_copy(update={"device": "cuda"}).model_dump_json()
    step = load(written(tmp_path, payload | {"settings": settings}))
    assert step(load_cases()["kepler-e0.5"].system).isfinite().all()


def test_weights_that_are_not_finite_are_refused(tmp_path, payload):
    weights = {name: tensor * torch.nan for name, tensor in payload["model"].items()}
    with pytest.raises(UserError, match="not finite"):
        load(written(tmp_path, payload | {"model": weights}))


@pytest.mark.parametrize(
    "change",
    [
        {"settings": "{"},
        {"settings": "{}"},
        {"model": {}},
        {"model": [1, 2]},
        {"bodies": "two"},
    ],
)
def test_settings_and_weights_that_do_not_fit_are_one_sentence(tmp_path, payload, change):
    with pytest.raises(UserError, match="do not make a model") as caught:
        load(written(tmp_path, payload | change))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_without_settings_is_one_sentence(tmp_path, payload):
    del payload["settings"]
    with pytest.raises(UserError, match="do not make a model"):
        load(written(tmp_path, payload))
