"""The learned time step: a network that chooses the step in units of the free-fall time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..physics.integrators import leapfrog
from ..physics.state import System
from ..physics.timescales import free_fall_time
from .features import Features
from .history import Window, empty

TimeStep = Callable[[System], Float[Tensor, " B"]]
"""A rule that proposes a step [time]: the learned model, or a classical criterion."""


class Inputs(NamedTuple):
    """What the network sees of a state; fixed once the state is, whatever the weights are."""

    features: Float[Tensor, "B F"]
    """Normalised features of the state and of its past; zeros where there was no past."""
    log_scale: Float[Tensor, " B"]
    """Logarithm of the free-fall time."""

    def take(self, rows: slice | Tensor) -> Inputs:
        """Some of the systems."""
        return Inputs(self.features[rows], self.log_scale[rows])


class LearnedTimeStep(nn.Module):
    r"""Predicts :math:`\Delta t = t_\mathrm{ff} \exp(\nu)` with a bounded network output.

    .. math::
        \nu = c + h \tanh \frac{n(f) + n_0}{h}, \qquad
        c \pm h = \log \eta_{\max}, \log \eta_{\min}

    The step is positive, bounded in units of the free-fall time, and scales with the system by
    construction; no clamp or epsilon is needed downstream.

    With a history of K states the network sees their features beside those of the present one.
    Where the past is shorter, zeros stand for what is missing: not repeated states, which would
    claim that nothing moved.

    Arguments:
        network: Maps the entries of all states in a row, (B, E F), to (B, 1).
        features: Makes entries of F numbers from states.
        eta_min: Smallest step over free-fall time.
        eta_max: Largest step over free-fall time.
        eta_start: What the untrained model proposes.
        size: F.
        length: K, past states that the network sees.
        dtype: Precision of the normalisation.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        network: nn.Module,
        features: Features,
        *,
        eta_min: float,
        eta_max: float,
        eta_start: float,
        size: int,
        dtype: torch.dtype,
        length: int = 0,
    ) -> None:
        super().__init__()
        self.network, self.features, self.length = network, features, length
        self.eta_start = eta_start
        self.middle = 0.5 * math.log(eta_max * eta_min)
        self.reach = 0.5 * math.log(eta_max / eta_min)
        self.offset = self.reach * math.atanh((math.log(eta_start) - self.middle) / self.reach)
        self.register_buffer("centre", torch.zeros(size, dtype=dtype))
        self.register_buffer("spread", torch.ones(size, dtype=dtype))
        self.eval()

    @torch.no_grad()
    def normalise(self, system: System) -> None:
        """Set the normalisation of the features from sample states."""
        entries = self._sample(system)
        spread = entries.std(0)
        self.centre.copy_(entries.mean(0))
        self.spread.copy_(torch.where(spread > 1e-6, spread, torch.ones_like(spread)))

    def _sample(self, system: System) -> Float[Tensor, "B F"]:
        """An entry of each state; features of change see one step of the untrained model."""
        seen = [self.features.observe(system)]
        for _ in range(self.features.lag):
            dt = self.eta_start * free_fall_time(system, self.features.field)
            system = leapfrog(system, dt, self.features.field).system
            seen.insert(0, self.features.observe(system))
        return self.features.entries(torch.stack(seen, 1), system.mass.shape[1])[:, 0]

    def begin(self, system: System) -> Window:
        """The empty window of systems at their start."""
        _, bodies, dimensions = system.position.shape
        return empty(system, self.length, self.features.observed(bodies, dimensions))

    def update(self, system: System, window: Window) -> Window:
        """The window once `system` has been left behind."""
        return window.pushed(self.features.observe(system)) if self.length else window

    def propose(self, system: System, window: Window) -> Float[Tensor, " B"]:
        """Step of each system with its past [time], with shape (B,)."""
        return self.log_dt(self.inputs(system, window)).exp()

    def inputs(self, system: System, window: Window | None = None) -> Inputs:
        """What the network sees of each system, without any past where no window is given."""
        if window is None:
            window = self.begin(system)
        return self.shown(system, self.features.observe(system), window)

    def shown(self, system: System, now: Float[Tensor, "B R"], window: Window) -> Inputs:
        """What the network sees of systems that have been observed already."""
        seen = torch.cat([now[:, None], window.past], 1) if self.length else now[:, None]
        entries = (self.features.entries(seen, system.mass.shape[1]) - self.centre) / self.spread
        if self.length:
            age = torch.arange(entries.shape[1], device=now.device) + self.features.lag
            entries = torch.where((age <= window.count[:, None])[..., None], entries, 0.0)
        scale = free_fall_time(system, self.features.field).log()
        return Inputs(entries.flatten(1), scale)

    def log_dt(self, inputs: Inputs) -> Float[Tensor, " B"]:
        """Logarithm of the proposed step, with shape (B,)."""
        output = self.network(inputs.features)[:, 0] + self.offset
        return inputs.log_scale + self.middle + self.reach * torch.tanh(output / self.reach)

    def forward(self, system: System) -> Float[Tensor, " B"]:
        """Proposed step of systems without a past [time], with shape (B,)."""
        return self.log_dt(self.inputs(system)).exp()

    @property
    def entries(self) -> int:
        """Entries that the network sees side by side, E."""
        return self.length + 1 - self.features.lag

    @property
    def evaluations(self) -> int:
        """Evaluations of the force that a proposal takes, besides those of the step."""
        return self.features.evaluations * (2 if self.length else 1)
