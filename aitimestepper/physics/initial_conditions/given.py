"""One system that is given, as it is or a little disturbed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..state import System, assemble, centre
from .protocol import Initial, crossing_time


@dataclass(frozen=True)
class Given:
    r"""Copies of one system, each body displaced at random.

    .. math::
        x_i \to x_i + p \, x_\mathrm{rms} \, g, \qquad v_i \to v_i + p \, v_\mathrm{rms} \, g',
        \qquad g, g' \sim N(0, 1)

    Arguments:
        system: Batch of one; moved to its centre of mass.
        perturbation: p; zero gives the system itself, again and again.
        period: Its period [time]; the crossing time when left out.
    """

    system: System
    perturbation: float = 0.0
    period: float | None = None

    @property
    def bodies(self) -> int:
        """N of the system."""
        return self.system.position.shape[1]

    @property
    def dimensions(self) -> int:
        """D of the system."""
        return self.system.position.shape[2]

    def masses(self, count: int, generator: torch.Generator) -> Float[Tensor, "B N"]:  # noqa: ARG002
        """The masses of the system, `count` times."""
        return self.system.mass.repeat(count, 1)

    def draw(self, mass: Float[Tensor, "B N"], generator: torch.Generator) -> Initial:
        """One disturbed copy for each row of masses."""
        position, velocity = (
            self._disturbed(u.repeat(len(mass), 1, 1), generator)
            for u in (self.system.position, self.system.velocity)
        )
        system = centre(assemble(mass, position, velocity))
        if self.period is None:
            return Initial(system, crossing_time(system))
        return Initial(system, torch.full_like(system.time, self.period))

    def _disturbed(
        self, vectors: Float[Tensor, "B N D"], generator: torch.Generator
    ) -> Float[Tensor, "B N D"]:
        noise = torch.randn(vectors.shape, generator=generator, dtype=vectors.dtype)
        size = vectors.square().sum(-1).mean(-1).sqrt()[:, None, None]
        return vectors + self.perturbation * size * noise


def figure_eight(*, dimensions: int = 2, perturbation: float = 0.0) -> Given:
    """Three equal masses that chase each other on one closed curve.

    References:
        | Chenciner & Montgomery (2000), Annals of Mathematics 152, 881
    """
    rows = [
        [1.0, 0.97000436, -0.24308753, 0.466203685, 0.43236573],
        [1.0, -0.97000436, 0.24308753, 0.466203685, 0.43236573],
        [1.0, 0.0, 0.0, -0.93240737, -0.86473146],
    ]
    return Given(_plane(rows, dimensions), perturbation, 6.32591398)


def pythagorean(*, dimensions: int = 2, perturbation: float = 0.0) -> Given:
    """Masses 3, 4 and 5 at rest in the corners of a right triangle; they part after t = 60.

    References:
        | Burrau (1913), Astronomische Nachrichten 195, 113
        | Szebehely & Peters (1967), AJ 72, 876
    """
    rows = [
        [5.0, 1.0, -1.0, 0.0, 0.0],
        [4.0, -2.0, -1.0, 0.0, 0.0],
        [3.0, 1.0, 3.0, 0.0, 0.0],
    ]
    return Given(_plane(rows, dimensions), perturbation)


def _plane(rows: list[list[float]], dimensions: int) -> System:
    """Bodies in a plane, from rows of mass, x, y, vx, vy."""
    table = torch.tensor([rows], dtype=torch.float64)
    position, velocity = (
        torch.nn.functional.pad(u, (0, dimensions - 2)) for u in (table[..., 1:3], table[..., 3:])
    )
    return assemble(table[..., 0], position, velocity)
