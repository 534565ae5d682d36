"""A plain re-statement of the original's training loop, to measure ours against.

Written from its published description: one orbit, one sample at a time, a network of
200-1000-1000-200 tanh units; a step is tried, and the network trained on it, until the energy
error is small enough; then minibatches, sample by sample, over what was accepted.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HIDDEN = (200, 1000, 1000, 200)

State = tuple[Tensor, Tensor, Tensor]
"""Masses (N,), positions (N, D), velocities (N, D)."""


def network(inputs: int) -> nn.Sequential:
    """The original's perceptron, in double precision like ours."""
    layers: list[nn.Module] = []
    for width_in, width_out in zip((inputs, *HIDDEN), HIDDEN, strict=False):
        layers += [nn.Linear(width_in, width_out, dtype=torch.float64), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(HIDDEN[-1], 1, dtype=torch.float64))


def acceleration(mass: Tensor, position: Tensor) -> Tensor:
    """From the full table of pairs."""
    separation = position[None] - position[:, None]
    square = separation.square().sum(-1)
    itself = torch.eye(len(mass), dtype=torch.bool)
    return (separation * (mass / square.masked_fill(itself, torch.inf).pow(1.5))[..., None]).sum(1)


def energy(state: State) -> Tensor:
    """Kinetic plus potential energy."""
    mass, position, velocity = state
    kinetic = 0.5 * (mass * velocity.square().sum(-1)).sum()
    i, j = torch.triu_indices(len(mass), len(mass), offset=1)
    return kinetic - (mass[i] * mass[j] / (position[i] - position[j]).norm(dim=-1)).sum()


def leapfrog(state: State, dt: Tensor) -> State:
    """Kick-drift-kick, both accelerations computed anew."""
    mass, position, velocity = state
    half = velocity + 0.5 * dt * acceleration(mass, position)
    position = position + dt * half
    return mass, position, half + 0.5 * dt * acceleration(mass, position)


def features(state: State) -> Tensor:
    """Statistics of the system: distances, speeds and accelerations of its bodies."""
    mass, position, velocity = state
    pull = acceleration(mass, position)
    rows = [t.norm(dim=-1) for t in (position, velocity, pull)]
    return torch.cat([mass, *rows])


class OriginalLoop:
    """Both phases of the original, for as long as somebody asks.

    Arguments:
        state: Where the orbit begins.
        threshold: Largest relative energy error of an accepted step.
        lower: Errors below this share of the threshold ask for longer steps.
        start: Step of the untrained network [time].
        learning_rate: Of Adam.
    """

    def __init__(
        self,
        state: State,
        *,
        threshold: float,
        start: float,
        lower: float = 0.5,
        learning_rate: float = 1e-4,
    ) -> None:
        self.state, self.threshold, self._lower = state, threshold, lower * threshold
        self.network, self._start = network(len(features(state))), start
        last = self.network[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self._adam = torch.optim.Adam(self.network.parameters(), lr=learning_rate)
        self.accepted: list[State] = []

    def attempt(self, state: State) -> tuple[State, Tensor]:
        """One step of the proposed length and its relative energy error."""
        dt = self._start * self.network(features(state))[0].exp()
        end, before = leapfrog(state, dt), energy(state)
        return end, ((energy(end) - before) / before).abs()

    def collect_one(self) -> int:
        """Phase 1: train on a state until its step is accepted, move on; says how many: one."""
        while True:
            end, error = self.attempt(self.state)
            if error.item() <= self.threshold:
                break
            self._update(self._loss(error))
        self.accepted.append(self.state)
        mass, position, velocity = end
        self.state = mass, position.detach(), velocity.detach()
        return 1

    def minibatch(self, size: int) -> int:
        """Phase 2: one update from `size` accepted samples, one by one; says how many."""
        rows = torch.randint(len(self.accepted), (size,)).tolist()
        losses = [self._loss(self.attempt(self.accepted[row])[1]) for row in rows]
        self._update(torch.stack(losses).mean())
        return size

    def _loss(self, error: Tensor) -> Tensor:
        decades = error.clamp(min=1e-16).log10()
        below = (torch.tensor(self._lower).log10() - decades).clamp(min=0)
        above = (decades - torch.tensor(0.85 * self.threshold).log10()).clamp(min=0)
        return below.square() + above.square()

    def _update(self, loss: Tensor) -> None:
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
