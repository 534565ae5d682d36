"""The guard: a step that fails the gate is tried again, shorter, until it passes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..physics.conserved import total_energy
from ..physics.gate import Attempt, Gate, Start
from ..physics.state import System, where
from ..physics.timescales import free_fall_time

FLOOR = 1e-6
"""Free-fall times below which a shorter step helps no more: leapfrog's error is rounding there."""
_FALLBACK = 0.01
_NONSENSE = 1e-9


class Taken(NamedTuple):
    """A step of each system that the gate lets pass."""

    system: System
    acceleration: Float[Tensor, "B N D"]
    dt: Float[Tensor, " B"]
    """Step taken [time]; zero where none was wanted or none passes."""
    error: Float[Tensor, " B"]
    """What the gate measured; zero where no step was taken."""
    rejected: Int[Tensor, " B"]
    """Tries that did not pass."""
    stuck: Bool[Tensor, " B"]
    """Where no step passes, however short."""


def guarded(
    begin: Start, proposed: Float[Tensor, " B"], remaining: Float[Tensor, " B"], gate: Gate
) -> Taken:
    """Take the proposed steps as far as the gate lets them pass, each system for itself.

    A proposal that is not a number, not above zero, infinite, or of no length beside the free-fall
    time is replaced by 0.01 free-fall times. A rejected step is halved, from one free-fall time
    on. Below 1e-6 free-fall times a system counts as stuck: only rounding is left of the error.

    Arguments:
        begin: States to start from.
        proposed: What the scheme proposes [time], with shape (B,).
        remaining: Longest step wanted [time], with shape (B,); none is taken at or below zero.
        gate: Judges the steps and takes them.
    """
    scale, wanted = free_fall_time(begin.system, gate.field), remaining > 0
    sane = proposed.isfinite() & (proposed > _NONSENSE * scale)
    first = torch.minimum(torch.where(sane, proposed, _FALLBACK * scale), remaining)
    best = gate.attempt(begin, torch.where(wanted, first, 0.0))
    failing = wanted & ~gate.passes(best)
    rejected = failing.long()
    stuck = torch.zeros_like(failing)
    while len(rows := failing.nonzero()[:, 0]):
        shorter = torch.minimum(0.5 * best.dt[rows], scale[rows])
        hopeless = ~(shorter > FLOOR * scale[rows])
        stuck[rows[hopeless]] = True
        rows, shorter = rows[~hopeless], shorter[~hopeless]
        trial = gate.attempt(begin.take(rows), shorter)
        bad = ~gate.passes(trial)
        best = _put(best, rows, trial)
        failing = torch.zeros_like(failing).index_copy(0, rows, bad)
        rejected = rejected.index_add(0, rows, bad.long())
    return _standing(begin, best, wanted & ~stuck, rejected, stuck)


def start_of(system: System, acceleration: Float[Tensor, "B N D"], gate: Gate) -> Start:
    """What attempts begin from, where the acceleration is known."""
    return Start(system, acceleration, total_energy(system, gate.field))


def _put(old: Attempt, rows: Tensor, new: Attempt) -> Attempt:
    """The same attempts with those of `rows` replaced."""
    parts = zip(old.system, new.system, strict=True)
    return Attempt(
        System(*(a.index_copy(0, rows, b) for a, b in parts)),
        *(a.index_copy(0, rows, b) for a, b in zip(old[1:], new[1:], strict=True)),
    )


def _standing(begin: Start, best: Attempt, moved: Tensor, rejected: Tensor, stuck: Tensor) -> Taken:
    """What was taken; a system that took no step stands where it stood, to the bit."""
    here = moved[:, None, None]
    return Taken(
        where(moved, best.system, begin.system),
        torch.where(here, best.acceleration, begin.acceleration),
        torch.where(moved, best.dt, 0.0),
        torch.where(moved, best.error, 0.0),
        rejected,
        stuck,
    )
