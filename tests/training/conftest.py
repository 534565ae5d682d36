"""A small training for the tests of the two phases."""

import pytest
import torch
from learners import learner
from problems import FIELD

from aitimestepper.physics.gate import Gate
from aitimestepper.physics.initial_conditions import KeplerOrbits
from aitimestepper.training.losses import StepLoss
from aitimestepper.training.optimiser import Optimiser
from aitimestepper.training.orbits import Orbits
from aitimestepper.training.trainer import Training


@pytest.fixture
def start():
    """Makes a training: the same arguments, the same bits."""

    def make(
        *,
        seed=0,
        count=6,
        eta_start=0.2,
        threshold=2e-4,
        periods=2.0,
        eccentricity=(0.0, 0.7),
        at_end="restart",
        kind="dimensionless",
        length=0,
        **network,
    ):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        model = learner(eta_start=eta_start, kind=kind, length=length, **network)
        sampler = KeplerOrbits(eccentricity=eccentricity)
        orbits = Orbits(sampler, count, generator, model, periods=periods, at_end=at_end)
        model.normalise(orbits.system)
        optimiser = Optimiser(model, learning_rate=5e-3, slowing=1000.0, clip=1.0)
        gate, dropout = Gate(FIELD, threshold), bool(network.get("dropout"))
        return Training(model, optimiser, orbits, generator, gate, StepLoss(), dropout)

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
