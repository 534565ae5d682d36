"""Steps whose weights are random but far from constant, and systems to try them on."""

from __future__ import annotations

import pytest
import torch

from aitimestepper.build import gate_of, model_of
from aitimestepper.settings import RunConfig
from aitimestepper.sources import ModelStep, Step


@pytest.fixture
def make_step():
    """Makes a step of N bodies in D dimensions out of settings."""

    def make(bodies: int, dimensions: int, **settings) -> Step:
        config = RunConfig.model_validate(settings)
        model = model_of(config, bodies).requires_grad_(False)
        generator = torch.Generator().manual_seed(1)
        model.network[-1].weight.normal_(std=0.3, generator=generator)
        model.centre.normal_(generator=generator)
        model.spread.uniform_(0.5, 2.0, generator=generator)
        return Step("some", ModelStep(model), gate_of(config), bodies, dimensions)

    return make
