"""The strongest classical rivals: rules tuned on the very orbit that they are judged on."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..model.rules import Aarseth, Fixed, FreeFall, Oracle
from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.gravity import Field
from ..physics.kepler import elements, propagate
from ..physics.state import System
from ..physics.timescales import free_fall_time
from .blocks import Block
from .evolve import evolve

_PHASES = 256
_CANDIDATES = 40
_CHEAP = 600
_PIECE = 256


@torch.no_grad()
def best_fixed(system: System, gate: Gate, span: Float[Tensor, " B"]) -> Fixed:
    """The largest step with no violation over one period of each pair, luck included.

    Candidates around the smallest step that the oracle allows anywhere on the exact orbit are
    really run. Where a period takes more than 600 steps the smallest allowed step, less 0.5 %
    for what lies between the samples and for drift, is taken as it is: that many steps leave no
    phase of the pericentre out, so there is no luck to be had.

    Arguments:
        system: Pairs.
        gate: Judges the steps.
        span: Period of each orbit [time], with shape (B,).
    """
    states, oracle = _along(system, span), Oracle(gate)
    pieces = [states[k : k + _PIECE] for k in range(0, len(states), _PIECE)]
    allowed = 0.995 * torch.cat([oracle(piece) for piece in pieces]).view(_PHASES, -1).amin(0)
    cheap = span < _CHEAP * allowed
    few = cheap.nonzero()[:, 0]
    if len(few):
        tuned = _tune(system[few], gate, span[few], allowed[few], _fixed)
        allowed = allowed.index_copy(0, few, tuned)
    return Fixed(allowed)


def _along(system: System, span: Float[Tensor, " B"]) -> System:
    """States of the exact orbits, evenly in eccentric anomaly; phase by phase."""
    _, e, begin = elements(system)
    turn = torch.linspace(0, 2 * math.pi, _PHASES, dtype=span.dtype, device=span.device)
    anomaly = begin + turn[:, None]
    mean = (anomaly - e * anomaly.sin()) - (begin - e * begin.sin())
    return propagate(system.repeat(_PHASES), (mean / (2 * math.pi) * span).reshape(-1))


class SmallestEta:
    """Watches a run of the oracle for the smallest step that it took, over a time of the state.

    Arguments:
        field: The field of the run.
        until: End of each system [time], with shape (B,).
        unit: That time; the free-fall time when left out.
    """

    def __init__(
        self, field: Field, until: Float[Tensor, " B"], unit: TimeStep | None = None
    ) -> None:
        self._unit = unit or (lambda system: free_fall_time(system, field))
        self._until = until
        self.eta = torch.full_like(until, torch.inf)

    def __call__(self, block: Block, _: object = None) -> None:
        """Take notice of a block; the last step of a system is cut short and says nothing."""
        shape = block.dt.shape
        eta = block.dt / self._unit(block.begin.system).view(shape)
        arrived = block.begin.system.time.view(shape) + block.dt >= self._until[block.rows]
        smallest = torch.where(arrived, torch.inf, eta).amin(0)
        self.eta[block.rows] = torch.minimum(self.eta[block.rows], smallest)


def unit_aarseth(field: Field) -> TimeStep:
    """The time that the step of Aarseth's kind is measured in."""
    return Aarseth(1.0, field)


@torch.no_grad()
def best_free_fall(
    system: System,
    gate: Gate,
    until: Float[Tensor, " B"],
    around: Float[Tensor, " B"],
    most: int | None = None,
) -> FreeFall:
    """The largest eta with no step over the threshold on that very run, luck included.

    Arguments:
        system: Initial states.
        gate: Judges the steps.
        until: End of each run [time], with shape (B,).
        around: Where to look, the smallest eta of the oracle, with shape (B,).
        most: Steps after which a run is cut short; what comes later is not looked at.
    """
    return FreeFall(_tune(system, gate, until, around, FreeFall, most), gate.field)


@torch.no_grad()
def best_aarseth(
    system: System,
    gate: Gate,
    until: Float[Tensor, " B"],
    around: Float[Tensor, " B"],
    most: int | None = None,
) -> Aarseth:
    """The same for the criterion of Aarseth; arguments as of `best_free_fall`."""
    return Aarseth(_tune(system, gate, until, around, Aarseth, most), gate.field)


def _fixed(dt: Float[Tensor, " B"], _: Field) -> Fixed:
    return Fixed(dt)


def _tune(
    system: System,
    gate: Gate,
    until: Float[Tensor, " B"],
    around: Float[Tensor, " B"],
    rule: Callable[[Tensor, Field], TimeStep],
    most: int | None = None,
) -> Float[Tensor, " B"]:
    """The largest clean candidate: on a grid from 0.4 to 3.2 `around`, then on a finer one."""
    ratio = 8 ** (1 / _CANDIDATES)
    power = torch.arange(_CANDIDATES, dtype=until.dtype, device=until.device)[:, None]
    coarse = 0.4 * around * ratio**power
    best = _largest_clean(system, gate, until, coarse, rule, most)
    return _largest_clean(system, gate, until, best * ratio ** (power / _CANDIDATES), rule, most)


def _largest_clean(
    system: System,
    gate: Gate,
    until: Float[Tensor, " B"],
    candidates: Float[Tensor, "C B"],
    rule: Callable[[Tensor, Field], TimeStep],
    most: int | None = None,
) -> Float[Tensor, " B"]:
    """The largest candidate whose run has no violation; the smallest where all have one."""
    count = len(candidates)
    clean = torch.ones(candidates.numel(), dtype=torch.bool, device=until.device)
    step = rule(candidates.reshape(-1), gate.field)
    for block in evolve(
        system.repeat(count), step, gate, until=until.repeat(count), max_steps=most
    ):
        clean[block.rows] &= (block.errors(gate) <= gate.threshold).all(0)
    passing = torch.where(clean.view(candidates.shape), candidates, 0.0).amax(0)
    return torch.where(passing > 0, passing, candidates.amin(0))
