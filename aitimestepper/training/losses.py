"""Losses on the energy error of a step, and the gradient that reaches the proposed step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..physics.gate import Gate, Start

_STEEPEST = 8.0
_FLATTEST = 1.0
_WORST = 6.0


@dataclass(frozen=True)
class Band:
    r"""Squared distance, in decades, of an energy error from a band below the threshold.

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
        above = (decades - math.log10(self.upper)).clamp(min=0)
        return below.square() + self.overshoot * above.square()


def error_decades(log_dt: Float[Tensor, " B"], begin: Start, gate: Gate) -> Float[Tensor, " B"]:
    r"""log10(error / threshold) of a step, with a gradient in log dt that always points right.

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
        log_error = error.clamp(min=torch.finfo(error.dtype).eps).log()
        (slope,) = torch.autograd.grad(log_error.sum(), at)
    sound = log_error.isfinite() & slope.isfinite()
    slope = torch.where(sound, slope, _STEEPEST).clamp(_FLATTEST, _STEEPEST)
    value = torch.where(sound, log_error.detach() / math.log(10), torch.inf)
    value = (value - math.log10(gate.threshold)).clamp(max=_WORST)
    return value + slope / math.log(10) * (log_dt - at.detach())
