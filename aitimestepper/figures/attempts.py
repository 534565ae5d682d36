"""What the gate cost a training: attempts until a step was accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .style import COLOURS, canvas, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def attempts_over_training(attempts: np.ndarray, epoch: np.ndarray) -> Figure:
    """Attempts per accepted step in every epoch: their mean, and the most that a step took.

    Arguments:
        attempts: Attempts of each step, with shape (T, B); below 1 where no step was taken.
        epoch: Epoch that recorded it, with shape (T,).
    """
    figure, axes = canvas(7, 4)
    taken = np.ma.masked_less(attempts, 1)
    epochs = np.unique(epoch)
    means = [taken[epoch == number].mean() for number in epochs]
    most = [taken[epoch == number].max() for number in epochs]
    axes.plot(epochs, means, color=COLOURS[0], marker="o", label="mean")
    axes.plot(epochs, most, color=COLOURS[1], marker="s", linestyle="--", label="largest")
    axes.set(yscale="log", xlabel="epoch", ylabel="attempts per accepted step")
    axes.yaxis.get_major_locator().set_params(subs=(1, 2, 5))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_ylim(bottom=0.9)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_title(f"{taken.count()} accepted steps")
    axes.legend()
    return figure
