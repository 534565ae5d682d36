"""Systems whose future is known, always in float64."""

import torch
from torch import Tensor

from aitimestepper.physics.gravity import Gravity
from aitimestepper.physics.kepler import binary, period
from aitimestepper.physics.state import System, assemble, centre

FIELD = Gravity()


def numbers(*values: float) -> Tensor:
    """A float64 tensor with shape (B,)."""
    return torch.tensor(values, dtype=torch.float64)


def binaries(dimensions: int = 2) -> tuple[System, Tensor]:
    """Circular, moderate and eccentric pairs of unequal masses at various phases; periods."""
    axis = numbers(1.0, 2.0, 0.5)
    mass = torch.stack([numbers(1.0, 3.0, 1.0), numbers(1.0, 1.0, 1e-3)], -1)
    system = binary(
        axis,
        numbers(0.0, 0.3, 0.6),
        mass,
        mean_anomaly=numbers(0.5, -2.0, 3.0),
        pericentre=numbers(0.0, 1.0, -2.0),
        inclination=numbers(0.3, 1.2, 2.5),
        dimensions=dimensions,
    )
    return system, period(axis, mass)


def equal_pair(eccentricity: float, mean_anomaly: float = 0.0) -> System:
    """One pair with m = 1 + 1, a = 1: the orbit of the reference tables."""
    return binary(
        numbers(1.0),
        numbers(eccentricity),
        torch.ones(1, 2, dtype=torch.float64),
        mean_anomaly=numbers(mean_anomaly),
    )


def figure_eight() -> System:
    """Three equal masses that chase each other on one closed curve (Chenciner & Montgomery 2000).

    The period is 6.32591398.
    """
    x, y = 0.97000436, -0.24308753
    v, w = 0.93240737 / 2, 0.86473146 / 2
    position = [[x, y], [-x, -y], [0.0, 0.0]]
    velocity = [[v, w], [v, w], [-2 * v, -2 * w]]
    mass = torch.ones(1, 3, dtype=torch.float64)
    return assemble(mass, *(torch.tensor([u]).double() for u in (position, velocity)))


def random_bound(batch: int, bodies: int, dimensions: int, seed: int = 0) -> System:
    """Random bodies that move slowly enough to be bound, in their centre-of-mass frame."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, bodies, dimensions)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    mass = 0.1 + torch.rand(shape[:2], generator=generator, dtype=torch.float64)
    system = centre(assemble(mass, normal(*shape), normal(*shape)))
    kinetic = 0.5 * (mass * system.velocity.square().sum(-1)).sum(-1)
    slow = (-0.4 * FIELD.energy(system) / kinetic).sqrt()
    return System(mass, system.position, slow[:, None, None] * system.velocity, system.time)
