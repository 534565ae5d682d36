"""From blocks of steps to the plain arrays that figures draw."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..figures.energy import EnergySeries
from ..figures.pericentre import Trace
from ..physics.conserved import total_energy
from ..physics.gate import Gate
from ..physics.gravity import Field
from ..physics.state import System
from ..simulation.evolve import Block

_FIRST = 1e-2


def energy_series(
    rule: str,
    blocks: Iterable[Block],
    begin: System,
    field: Field,
    *,
    period: float,
    orbits: float,
    points: int = 100,
) -> EnergySeries:
    """Largest energy error of one system in logarithmic bins of time; memory stays bounded.

    Arguments:
        rule: Its name.
        blocks: Steps of a batch of one, from `begin` on.
        begin: Initial state; errors are relative to its energy.
        field: Field of the run.
        period: Orbital period [time].
        orbits: How many of them the run takes.
        points: Number of bins, from a hundredth of an orbit on.
    """
    edges = np.geomspace(min(_FIRST, orbits / 2), orbits, points)
    largest = np.full(points, -np.inf)
    start, reference = begin.time.item(), total_energy(begin, field).item()
    for block in blocks:
        time = np.append(block.begin.system.time.numpy(), block.end.time.numpy())
        energy = np.append(block.begin.energy.numpy(), total_energy(block.end, field).numpy())
        place = np.searchsorted(edges * (1 - 1e-12), (time - start) / period).clip(max=points - 1)
        np.maximum.at(largest, place, np.abs(energy / reference - 1))
    seen = largest > -np.inf  # bins shorter than a step stay empty
    return EnergySeries(rule, edges[seen], largest[seen])


def trace(
    rule: str, blocks: Iterable[Block], gate: Gate, *, pericentre: float, period: float
) -> Trace:
    """Every step of one system but the last, which is cut short to land on the end.

    Arguments:
        rule: Its name.
        blocks: Steps of a batch of one.
        gate: Judges the steps.
        pericentre: Time of the passage [time].
        period: Orbital period [time].
    """
    parts = [(b.begin.system.time, b.dt[:, 0], b.errors(gate)[:, 0]) for b in blocks]
    time, dt, error = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Trace(rule, (time[:-1] - pericentre) / period, dt[:-1] / period, error[:-1])


def error_ratios(blocks: Iterable[Block], gate: Gate) -> np.ndarray:
    """Error of every step that was taken, over the threshold, all systems in one row."""
    parts = [block.errors(gate)[block.dt != 0] for block in blocks]
    return np.concatenate(parts) / gate.threshold


def path(blocks: Iterable[Block], most: int = 20_000) -> np.ndarray:
    """Positions of one system after its steps [length], with shape (T, N, D); T <= 2 `most`.

    Every second position is dropped whenever there are more than `most`, so a long run keeps its
    shape in bounded memory.
    """
    kept, every, seen, last = [], 1, 0, None
    for block in blocks:
        position, last = block.begin.system.position.numpy(), block.end.position.numpy()
        kept.extend(position[-seen % every :: every])
        seen += len(position)
        while len(kept) > most:
            kept, every = kept[::2], 2 * every
    return np.concatenate([np.stack(kept), last]) if last is not None else np.empty((0, 0, 0))
