"""Adam, AdamW or SGD; no number that is not finite ever gets into a weight."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .errors import TrainingDiverged

_PATIENCE = 100

Kind = Literal["adam", "adamw", "sgd"]
_MAKERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


class Optimiser:
    r"""Moves the weights of one model, slower as training goes on.

    .. math::
        \text{rate}(u) = \frac{\text{learning rate}}{\sqrt{1 + u / \text{slowing}}}

    after u updates, however they are spread over epochs, so that a run may be continued with more
    epochs than it began with.

    Arguments:
        model: Whose parameters move, in place.
        learning_rate: Of the first update.
        slowing: Updates after which the rate begins to fall.
        clip: Largest norm of the gradient; a longer one is shortened to it.
        kind: Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019) or SGD.
        weight_decay: Pull of the weights towards zero: part of the gradient for Adam and SGD,
            apart from it for AdamW.
        momentum: Share of the last move that is kept; SGD only.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        learning_rate: float,
        slowing: float,
        clip: float,
        kind: Kind = "adam",
        weight_decay: float = 0.0,
        momentum: float = 0.0,
    ) -> None:
        self._parameters = list(model.parameters())
        more = {"momentum": momentum} if kind == "sgd" else {}
        self._inner = _MAKERS[kind](
            self._parameters, lr=learning_rate, weight_decay=weight_decay, **more
        )
        self._rate, self._slowing, self._clip = learning_rate, slowing, clip
        self._in_a_row = 0
        self.updates = 0
        self.skipped = 0

    def update(self, loss: Float[Tensor, ""]) -> None:
        """One step down the gradient; skipped and counted where the gradient is not finite.

        Raises:
            TrainingDiverged: The gradient was not finite 100 times in a row.
        """
        self._inner.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._clip)
        if torch.isfinite(norm):
            self._inner.param_groups[0]["lr"] = self._rate / math.sqrt(
                1 + self.updates / self._slowing
            )
            self._inner.step()
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
        return {"inner": self._inner.state_dict(), "updates": self.updates, "skipped": self.skipped}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._inner.load_state_dict(state["inner"])
        self.updates, self.skipped = state["updates"], state["skipped"]
