"""Adam with a clipped gradient; it never lets a number that is not finite into a weight."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .errors import TrainingDiverged

_PATIENCE = 100


class Optimiser:
    r"""Moves the weights of one model by Adam, slower as training goes on.

    .. math::
        \text{rate}(u) = \frac{\text{learning rate}}{\sqrt{1 + u / \text{slowing}}}

    after u updates, however they are spread over epochs, so that a run may be continued with more
    epochs than it began with.

    Arguments:
        model: Whose parameters move, in place.
        learning_rate: Of the first update.
        slowing: Updates after which the rate begins to fall.
        clip: Largest norm of the gradient; a longer one is shortened to it.
    """

    def __init__(
        self, model: nn.Module, *, learning_rate: float, slowing: float, clip: float
    ) -> None:
        self._parameters = list(model.parameters())
        self._adam = torch.optim.Adam(self._parameters, lr=learning_rate)
        self._rate, self._slowing, self._clip = learning_rate, slowing, clip
        self._in_a_row = 0
        self.updates = 0
        self.skipped = 0

    def update(self, loss: Float[Tensor, ""]) -> None:
        """One step down the gradient; skipped and counted where the gradient is not finite.

        Raises:
            TrainingDiverged: The gradient was not finite 100 times in a row.
        """
        self._adam.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._clip)
        if torch.isfinite(norm):
            self._adam.param_groups[0]["lr"] = self._rate / math.sqrt(
                1 + self.updates / self._slowing
            )
            self._adam.step()
            self.updates += 1
            self._in_a_row = 0
        else:
            self._skip()

    def _skip(self) -> None:
        self.skipped += 1
        self._in_a_row += 1
        if self._in_a_row >= _PATIENCE:
            raise TrainingDiverged(
                f"The gradient was not finite {_PATIENCE} times in a row; the last commit stands. "
                "Train again under another --name with a smaller --optimizer.learning-rate."
            )

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {"adam": self._adam.state_dict(), "updates": self.updates, "skipped": self.skipped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._adam.load_state_dict(state["adam"])
        self.updates, self.skipped = state["updates"], state["skipped"]
