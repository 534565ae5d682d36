"""From settings to the parts of a training."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from .errors import UserError
from .model.features import KINDS, Features
from .model.network import perceptron
from .model.timestep import LearnedTimeStep
from .physics.combined import Combined
from .physics.gate import Gate
from .physics.gravity import Field, Gravity
from .physics.higher_order import INTEGRATORS, Substeps
from .physics.initial_conditions import (
    Given,
    HierarchicalTriples,
    KeplerOrbits,
    Moved,
    Plummer,
    Sampler,
    Scattering,
    Uniform,
    figure_eight,
    pythagorean,
)
from .physics.state import assemble
from .physics.tide import Circle, Path, Sampled, Still, Tide
from .settings import ROUNDING, SAMPLED, FieldSection, RunConfig
from .training.compiled import compiled
from .training.losses import Band, StepLoss
from .training.optimiser import Optimiser
from .training.orbits import Orbits
from .training.trainer import Training

_SAMPLE = 4096
_NEAR_ROUNDING = 100.0
_log = logging.getLogger("aitimestepper.build")


def build(config: RunConfig) -> Training:
    """A training at its very beginning; the same settings give the same bits."""
    _warn(config)
    sampler = sampler_of(config)
    generator = torch.Generator().manual_seed(config.seed)
    model = model_of(config, sampler.bodies)
    _normalise(model, config, sampler)
    training = Training(
        model=model,
        optimiser=Optimiser(model, **config.optimizer.model_dump()),
        orbits=Orbits(sampler, config.orbits, generator, model, **config.restart.model_dump()),
        generator=generator,
        gate=gate_of(config),
        loss=loss_of(config),
        dropout=config.network.dropout > 0,
    )
    return _compiled(training) if config.compile else training


def _warn(config: RunConfig) -> None:
    floor = ROUNDING[config.dtype]
    if config.energy_threshold < _NEAR_ROUNDING * floor:
        _log.warning(
            "energy_threshold %g is within a factor %.0f of what rounding alone makes in %s (%g); "
            "steps may fail by rounding, whatever their length",
            config.energy_threshold,
            config.energy_threshold / floor,
            config.dtype,
            floor,
        )


def _compiled(training: Training) -> Training:
    """The training with phase 1 compiled; says what that brings on this machine.

    Raises:
        UserError: There is nothing to compile with.
    """
    try:
        faster, speed = compiled(training)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"torch.compile does not work on this machine ({reason}); install a C++ compiler, or "
            "leave out --compile."
        ) from None
    verdict = "helps" if speed.gain > 1 else "does not help"
    _log.info("torch.compile %s: %.2f times the speed in phase 1", verdict, speed.gain)
    return faster


def sampler_of(config: RunConfig) -> Sampler:
    """What draws the initial conditions of a run."""
    given = config.initial_conditions
    arguments = {name: getattr(given, name) for name in SAMPLED[given.kind]}
    sampler = _SAMPLERS[given.kind](**arguments)
    if (given.scale, given.offset, given.boost) == (1.0, 0.0, 0.0):
        return sampler
    return Moved(sampler, scale=given.scale, offset=given.offset, boost=given.boost)


def _from_rows(rows: tuple[tuple[float, ...], ...], perturbation: float) -> Given:
    """Copies of the bodies that a file holds."""
    table = torch.tensor([rows], dtype=torch.float64)
    dimensions = (table.shape[-1] - 1) // 2
    mass, position, velocity = table.split([1, dimensions, dimensions], -1)
    return Given(assemble(mass[..., 0], position, velocity), perturbation)


_SAMPLERS: dict[str, Callable[..., Sampler]] = {
    "kepler": KeplerOrbits,
    "triple": HierarchicalTriples,
    "uniform": Uniform,
    "plummer": Plummer,
    "scattering": Scattering,
    "figure_eight": figure_eight,
    "pythagorean": pythagorean,
    "file": _from_rows,
}


def gate_of(config: RunConfig) -> Gate:
    """What takes the steps of a run and judges them."""
    integrator = INTEGRATORS[config.integrator.kind]
    if config.integrator.substeps > 1:
        integrator = Substeps(integrator, config.integrator.substeps)
    return Gate(
        field_of(config), config.energy_threshold, integrator=integrator, **config.gate.model_dump()
    )


def field_of(config: RunConfig) -> Field:
    """What pushes on the bodies of a run."""
    wanted = config.field
    gravity = Gravity(wanted.softening)
    if not wanted.tide_mass:
        return gravity
    return Combined((gravity, Tide(wanted.tide_mass, _path(wanted))))


def _path(wanted: FieldSection) -> Path:
    if wanted.tide_path == "circle":
        return Circle(wanted.tide_radius, wanted.tide_rate, wanted.tide_phase)
    if wanted.tide_path == "points" and wanted.tide_points:
        times = tuple(row[0] for row in wanted.tide_points)
        return Sampled(times, tuple(tuple(row[1:]) for row in wanted.tide_points))
    return Still(wanted.tide_position)


def loss_of(config: RunConfig) -> StepLoss:
    """What an update makes smaller."""
    settings = config.loss.model_dump()
    band = Band(**{name: settings.pop(name) for name in ("lower", "upper", "overshoot")})
    return StepLoss(band, **settings)


def features_of(config: RunConfig) -> Features:
    """What the network sees of a state."""
    return KINDS[config.features.kind](Gravity(softening=config.field.softening))


def model_of(config: RunConfig, bodies: int) -> LearnedTimeStep:
    """The untrained model of N = `bodies`, without a normalisation of its features."""
    dtype, features, length = getattr(torch, config.dtype), features_of(config), config.history
    size = features.size(bodies)
    entries = length.length + 1 - features.lag
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = perceptron(entries * size, dtype=dtype, **config.network.model_dump())
    model = LearnedTimeStep(
        network, features, size=size, dtype=dtype, **config.step.model_dump(), **length.model_dump()
    )
    return model.to(device_of(config.device))


def _normalise(model: LearnedTimeStep, config: RunConfig, sampler: Sampler) -> None:
    """By hand where the settings say so, else on a sample of initial conditions.

    Raises:
        UserError: The numbers given by hand are not as many as there are features.
    """
    centre, spread = config.features.centre, config.features.spread
    if centre is None or spread is None:
        generator = torch.Generator().manual_seed(config.seed)
        sample = sampler.draw(sampler.masses(_SAMPLE, generator), generator).system
        model.normalise(sample.to(model.centre.device, model.centre.dtype))
        return
    if len(centre) != len(model.centre):
        raise UserError(
            f"features.centre and features.spread have {len(centre)} numbers, the features "
            f'"{config.features.kind}" of {sampler.bodies} bodies are {len(model.centre)}; give as '
            "many, or leave both out."
        )
    model.centre.copy_(torch.tensor(centre))
    model.spread.copy_(torch.tensor(spread))


def device_of(wanted: str) -> torch.device:
    """The device that a setting stands for.

    Raises:
        UserError: A GPU is asked for, and there is none.
    """
    found = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" != found:
        raise UserError("device is cuda, and this machine has no usable GPU; type --device auto.")
    return torch.device(found if wanted == "auto" else wanted)
