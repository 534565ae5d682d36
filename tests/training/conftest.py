"""A small training for the tests of the two phases."""

import pytest
import torch
from problems import FIELD

from aitimestepper.model.features import Dimensionless
from aitimestepper.model.network import perceptron
from aitimestepper.model.timestep import LearnedTimeStep
from aitimestepper.physics.gate import Gate
from aitimestepper.physics.initial_conditions import KeplerOrbits
from aitimestepper.training.losses import Band
from aitimestepper.training.optimiser import Optimiser
from aitimestepper.training.orbits import Orbits
from aitimestepper.training.trainer import Training


@pytest.fixture
def start():
    """Makes a training: the same arguments, the same bits."""

    def make(
        *, seed=0, count=6, eta_start=0.2, threshold=2e-4, periods=2.0, eccentricity=(0.0, 0.7)
    ):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        features = Dimensionless(FIELD)
        size = features.size(2)
        model = LearnedTimeStep(
            perceptron(size, (16, 16), activation="silu", dtype=torch.float64),
            features,
            eta_min=1e-4,
            eta_max=2.0,
            eta_start=eta_start,
            size=size,
            dtype=torch.float64,
        )
        like = torch.zeros(0, dtype=torch.float64)
        sampler = KeplerOrbits(eccentricity=eccentricity)
        orbits = Orbits(sampler, count, generator, periods=periods, like=like)
        model.normalise(orbits.system)
        optimiser = Optimiser(model, learning_rate=5e-3, slowing=1000.0, clip=1.0)
        return Training(model, optimiser, orbits, generator, Gate(FIELD, threshold), Band())

    return make


@pytest.fixture
def weights():
    """Copies every weight of a training, to compare later."""

    def copy(training):
        return [parameter.detach().clone() for parameter in training.model.parameters()]

    return copy


@pytest.fixture
def same():
    """Whether two lists of tensors agree in every bit."""

    def compare(one, two):
        return len(one) == len(two) and all(map(torch.equal, one, two))

    return compare
