"""The learned time step: a network that chooses the step in units of the free-fall time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..physics.state import System
from ..physics.timescales import free_fall_time
from .features import Dimensionless

TimeStep = Callable[[System], Float[Tensor, " B"]]
"""A rule that proposes a step [time]: the learned model, or a classical criterion."""


class Inputs(NamedTuple):
    """What the network sees of a state; fixed once the state is, whatever the weights are."""

    features: Float[Tensor, "B F"]
    """Normalised features."""
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

    Arguments:
        network: Maps features with shape (B, F) to (B, 1).
        features: Maps a system to features with shape (B, F).
        eta_min: Smallest step over free-fall time.
        eta_max: Largest step over free-fall time.
        eta_start: What the untrained model proposes.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        network: nn.Module,
        features: Dimensionless,
        *,
        eta_min: float,
        eta_max: float,
        eta_start: float,
        size: int,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.network, self.features = network, features
        self.middle = 0.5 * math.log(eta_max * eta_min)
        self.reach = 0.5 * math.log(eta_max / eta_min)
        self.offset = self.reach * math.atanh((math.log(eta_start) - self.middle) / self.reach)
        self.register_buffer("centre", torch.zeros(size, dtype=dtype))
        self.register_buffer("spread", torch.ones(size, dtype=dtype))

    @torch.no_grad()
    def normalise(self, system: System) -> None:
        """Set the normalisation of the features from sample states."""
        features = self.features(system)
        spread = features.std(0)
        self.centre.copy_(features.mean(0))
        self.spread.copy_(torch.where(spread > 1e-6, spread, torch.ones_like(spread)))

    def inputs(self, system: System) -> Inputs:
        """What the network sees of each system."""
        features = (self.features(system) - self.centre) / self.spread
        return Inputs(features, free_fall_time(system, self.features.field).log())

    def log_dt(self, inputs: Inputs) -> Float[Tensor, " B"]:
        """Logarithm of the proposed step, with shape (B,)."""
        output = self.network(inputs.features)[:, 0] + self.offset
        return inputs.log_scale + self.middle + self.reach * torch.tanh(output / self.reach)

    def forward(self, system: System) -> Float[Tensor, " B"]:
        """Proposed step of each system [time], with shape (B,)."""
        return self.log_dt(self.inputs(system)).exp()
