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
_FLOOR = 0.001

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

    With `cooling` the rate also falls to a thousandth along half a cosine, and begins anew, in
    cycles of 1, 2, 4, ... times `cooling` updates (Loshchilov & Hutter 2017): the last violations
    go only at a small rate, much is learnt only at a large one, and nobody knows beforehand how
    much is needed. `warm` begins with the first cycle again, `rest` keeps to the smallest rate.

    Arguments:
        model: Whose parameters move, in place.
        learning_rate: Of the first update.
        slowing: Updates after which the rate begins to fall.
        clip: Largest norm of the gradient; a longer one is shortened to it.
        cooling: Updates of the first cycle; `None`: no cycles.
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
        cooling: int | None = None,
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
        self._cooling = cooling
        self._warm_at: int | None = 0
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
            self._inner.param_groups[0]["lr"] = self._rate_now()
            self._inner.step()
            self.updates += 1
            self._in_a_row = 0
        else:
            self._skip()

    def _rate_now(self) -> float:
        rate = self._rate / math.sqrt(1 + self.updates / self._slowing)
        if self._cooling is None:
            return rate
        if self._warm_at is None:
            return rate * _FLOOR
        passed = (self.updates - self._warm_at) / self._cooling
        cycle = 2.0 ** math.floor(math.log2(passed + 1))
        turn = math.pi * (passed + 1 - cycle) / cycle
        return rate * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(turn)))

    def warm(self) -> None:
        """Begin with the first cycle; changes nothing without `cooling`."""
        self._warm_at = self.updates

    def rest(self) -> None:
        """Keep to the smallest rate; changes nothing without `cooling`."""
        self._warm_at = None

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
        return {
            "inner": self._inner.state_dict(),
            "updates": self.updates,
            "skipped": self.skipped,
            "warm_at": self._warm_at,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._inner.load_state_dict(state["inner"])
        self.updates, self.skipped = state["updates"], state["skipped"]
        self._warm_at = state["warm_at"]
