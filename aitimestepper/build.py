"""From settings to the parts of a training."""

from __future__ import annotations

import torch

from .errors import UserError
from .model.features import Dimensionless
from .model.network import perceptron
from .model.timestep import LearnedTimeStep
from .physics.gate import Gate
from .physics.gravity import Gravity
from .physics.initial_conditions import KeplerOrbits, Sampler
from .settings import RunConfig
from .training.losses import Band
from .training.optimiser import Optimiser
from .training.orbits import Orbits
from .training.trainer import Training

_SAMPLE = 4096


def build(config: RunConfig) -> Training:
    """A training at its very beginning; the same settings give the same bits."""
    sampler = sampler_of(config)
    generator = torch.Generator().manual_seed(config.seed)
    model = model_of(config)
    return Training(
        model=model,
        optimiser=Optimiser(model, **config.optimizer.model_dump()),
        orbits=Orbits(
            sampler, config.orbits, generator, like=model.centre, **config.restart.model_dump()
        ),
        generator=generator,
        gate=gate_of(config),
        band=Band(**config.loss.model_dump()),
    )


def sampler_of(config: RunConfig) -> Sampler:
    """What draws the initial conditions of a run."""
    return KeplerOrbits(**config.initial_conditions.model_dump())


def gate_of(config: RunConfig) -> Gate:
    """What judges the steps of a run."""
    field = Gravity(**config.field.model_dump())
    return Gate(field, config.energy_threshold, **config.gate.model_dump())


def model_of(config: RunConfig) -> LearnedTimeStep:
    """The untrained model, its features normalised on a sample of initial conditions."""
    sampler, field = sampler_of(config), Gravity(**config.field.model_dump())
    dtype, features = getattr(torch, config.dtype), Dimensionless(field)
    size = features.size(sampler.bodies)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = perceptron(size, dtype=dtype, **config.network.model_dump())
    model = LearnedTimeStep(network, features, size=size, dtype=dtype, **config.step.model_dump())
    generator = torch.Generator().manual_seed(config.seed)
    sample = sampler.draw(sampler.masses(_SAMPLE, generator), generator).system
    model = model.to(device_of(config.device))
    model.normalise(sample.to(model.centre.device, dtype))
    return model


def device_of(wanted: str) -> torch.device:
    """The device that a setting stands for.

    Raises:
        UserError: A GPU is asked for, and there is none.
    """
    found = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" != found:
        raise UserError("device is cuda, and this machine has no usable GPU; type --device auto.")
    return torch.device(found if wanted == "auto" else wanted)
