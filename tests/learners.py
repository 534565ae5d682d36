"""Small learned time steps for tests."""

from __future__ import annotations

import torch
from problems import FIELD

from aitimestepper.model.features import KINDS
from aitimestepper.model.network import perceptron
from aitimestepper.model.timestep import LearnedTimeStep
from aitimestepper.training.samples import prepare


def learner(
    *, kind="dimensionless", bodies=2, length=0, eta_start=0.2, dtype=torch.float64, **network
) -> LearnedTimeStep:
    """An untrained model; its weights come from PyTorch's own generator."""
    features = KINDS[kind](FIELD)
    size, entries = features.size(bodies), length + 1 - features.lag
    settings = {"activation": "silu", "dtype": dtype, **network}
    return LearnedTimeStep(
        perceptron(entries * size, (16, 16), **settings),
        features,
        eta_min=1e-4,
        eta_max=2.0,
        eta_start=eta_start,
        size=size,
        dtype=dtype,
        length=length,
    )


def seen(system, training):
    """Samples of states without a past."""
    window = training.model.begin(system)
    return prepare(training.gate.start(system), window, training.model)
