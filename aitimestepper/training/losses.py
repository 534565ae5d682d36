"""Losses on the errors of a step, and the gradient that reaches the proposed step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from ..physics.conserved import angular_momentum, momentum
from ..physics.gate import Gate, Start
from ..physics.state import System, centre

_STEEPEST = 8.0
_FLATTEST = 1.0
_WORST = 6.0


@dataclass(frozen=True)
class Band:
    r"""Squared distance, in decades, of an error from a band below its threshold.

    .. math::
        \ell = \max(0, \log_{10} \tfrac{\text{lower}}{\epsilon})^2
             + w \max(0, \log_{10} \tfrac{\epsilon}{\text{upper}})^2

    Below the band the step is wastefully short, above it the step is too long; inside, the model
    is left alone. The longest good step jumps where the error of a step has a local maximum at
    the threshold; `overshoot` makes a smooth model pass below such a jump instead of through it.

    Arguments:
        lower: Bottom of the band, in units of the threshold.
        upper: Top of the band, in units of the threshold.
        overshoot: Weight w of an error above the band, relative to one below it.
    """

    lower: float = 0.5
    upper: float = 0.85
    overshoot: float = 10.0

    def __call__(self, decades: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        """Loss of each sample.

        Arguments:
            decades: log10(error / threshold), with shape (B,).
        """
        below = (math.log10(self.lower) - decades).clamp(min=0)
        return below.square() + self.above(decades)

    def above(self, decades: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        """The part of the loss that asks for shorter steps."""
        return self.overshoot * (decades - math.log10(self.upper)).clamp(min=0).square()


@dataclass(frozen=True)
class StepLoss:
    r"""The band loss of energy, and those of momentum and angular momentum where they are wanted.

    .. math::
        \ell = \ell_E + w_P \ell_P + w_L \ell_L

    Energy is measured by the gate, probes included, against the gate's threshold. The momenta are
    measured at the end of the step: the change of :math:`\sum m_i v_i` over
    :math:`\sum m_i |v_i|`, and that of :math:`\sum m_i x_i \times v_i` over
    :math:`\sum m_i |x_i| |v_i|`, in the centre-of-mass frame. Of their bands only the upper edge
    counts: where integrator and field conserve them, as leapfrog without an outer field does,
    their errors lie at rounding level however long the step is, and a loss that asked for longer
    steps would pull the model over the energy threshold for good.

    Arguments:
        band: Edges and overshoot, the same for all.
        momentum_weight: Weight of linear momentum.
        momentum_threshold: What its error is measured in.
        angular_momentum_weight: Weight of angular momentum.
        angular_momentum_threshold: What its error is measured in.
    """

    band: Band = field(default_factory=Band)
    momentum_weight: float = 0.0
    momentum_threshold: float = 1e-6
    angular_momentum_weight: float = 0.0
    angular_momentum_threshold: float = 1e-6

    def __call__(
        self, log_dt: Float[Tensor, " B"], begin: Start, gate: Gate
    ) -> Float[Tensor, " B"]:
        """Loss of each proposed step, with a gradient in `log_dt`.

        Arguments:
            log_dt: Logarithm of the proposed step, with shape (B,).
            begin: States at the start of the steps.
            gate: Takes the steps and measures the energy.
        """
        loss = self.band(error_decades(log_dt, begin, gate))
        wanted = (
            (self.momentum_weight, momentum_error, self.momentum_threshold),
            (
                self.angular_momentum_weight,
                angular_momentum_error,
                self.angular_momentum_threshold,
            ),
        )
        for weight, measure, threshold in wanted:
            if weight:
                loss = loss + weight * self._of_momentum(log_dt, begin, gate, measure, threshold)
        return loss

    def _of_momentum(
        self,
        log_dt: Float[Tensor, " B"],
        begin: Start,
        gate: Gate,
        measure: Measure,
        threshold: float,
    ) -> Float[Tensor, " B"]:
        at = log_dt.detach().requires_grad_()
        with torch.enable_grad():
            end = gate.integrator(begin.system, at.exp(), gate.field, begin.acceleration).system
            error = measure(begin.system, end)
        return self.band.above(_decades(log_dt, at, error, threshold))


Measure = Callable[[System, System], Float[Tensor, " B"]]
"""Relative error of a step from its two ends."""


def momentum_error(begin: System, end: System) -> Float[Tensor, " B"]:
    """Change of linear momentum over the sum of m |v| in the centre-of-mass frame."""
    size = (begin.mass * centre(begin).velocity.norm(dim=-1)).sum(-1)
    return (momentum(end) - momentum(begin)).norm(dim=-1) / size


def angular_momentum_error(begin: System, end: System) -> Float[Tensor, " B"]:
    """Change of the inner angular momentum over the sum of m |x| |v|."""
    before, after = centre(begin), centre(end)
    lever = before.position.norm(dim=-1) * before.velocity.norm(dim=-1)
    size = (before.mass * lever).sum(-1)
    return (angular_momentum(after) - angular_momentum(before)).norm(dim=-1) / size


def error_decades(log_dt: Float[Tensor, " B"], begin: Start, gate: Gate) -> Float[Tensor, " B"]:
    r"""log10(energy error / threshold) of a step, with a gradient that always points right.

    The value is exact; so is the slope :math:`p = d \log \epsilon / d \log \Delta t` wherever it
    lies in [1, 8]. Outside it is clamped: a slope below 1 occurs only where the error is at
    rounding level or no longer grows with the step, that is past the first failure, where the
    true gradient would ask for a longer step. A step that blew up counts as 10^6 thresholds with
    the steepest slope, so that NaN never reaches a weight.

    Arguments:
        log_dt: Logarithm of the proposed step, with shape (B,); the gradient flows into it.
        begin: States at the start of the steps.
        gate: Measures the error.
    """
    at = log_dt.detach().requires_grad_()
    with torch.enable_grad():
        error = gate.attempt(begin, at.exp()).error
    return _decades(log_dt, at, error, gate.threshold)


def _decades(
    log_dt: Float[Tensor, " B"],
    at: Float[Tensor, " B"],
    error: Float[Tensor, " B"],
    threshold: float,
) -> Float[Tensor, " B"]:
    """The value of log10(error / threshold), and its clamped slope along log dt."""
    with torch.enable_grad():
        log_error = error.clamp(min=torch.finfo(error.dtype).eps).log()
        (slope,) = torch.autograd.grad(log_error.sum(), at)
    sound = log_error.isfinite() & slope.isfinite()
    slope = torch.where(sound, slope, _STEEPEST).clamp(_FLATTEST, _STEEPEST)
    value = torch.where(sound, log_error.detach() / math.log(10), torch.inf)
    value = (value - math.log10(threshold)).clamp(max=_WORST)
    return value + slope / math.log(10) * (log_dt - at.detach())
