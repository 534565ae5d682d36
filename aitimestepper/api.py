"""Simulate from Python: one call from bodies and a rule to figures and a file."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .bodies import check_bound
from .errors import UserError
from .physics.conserved import total_energy
from .physics.gravity import Field
from .physics.kepler import elements, period
from .physics.state import System
from .simulation.evolve import Block
from .simulation.outcome import Outcome
from .simulation.run import simulate as follow
from .sources import Step
from .store.simulation_file import SimulationFile


@dataclass(frozen=True)
class Simulation:
    """What a simulation came to."""

    step: Step
    outcome: Outcome
    wall_seconds: float
    out: Path | None

    def figures(self) -> dict[str, Any]:
        """The figures of the whole batch: sums of counts, the largest of every error."""
        o = self.outcome
        return {
            "model": self.step.source,
            "scheme": "plain",
            "guard": False,
            "steps": int(o.steps.sum()),
            "evaluations": int(o.evaluations.sum()),
            "rejected": 0,
            "time": _finite(o.end.time.max()),
            "energy_error_max": _finite(o.energy_error_max.max()),
            "energy_error_final": _finite(o.energy_error_final.max()),
            "momentum_error": _finite(o.momentum_error.max()),
            "angular_momentum_error": _finite(o.angular_momentum_error.max()),
            "gate_threshold": self.step.gate.threshold,
            "gate_violations": int(o.violations.sum()),
            "wall_seconds": self.wall_seconds,
            "out": None if self.out is None else str(self.out),
        }


def _finite(value: Tensor) -> float | None:
    """A number as JSON knows it; None where the simulation blew up."""
    number = value.item()
    return number if math.isfinite(number) else None


@torch.no_grad()
def simulate(
    system: System,
    step: Step,
    *,
    duration: float | None = None,
    periods: float | None = None,
    steps: int | None = None,
    out: Path | str | None = None,
    overwrite: bool = False,
) -> Simulation:
    """Follow systems with a time step rule; the last step is shortened to land on the end.

    Arguments:
        system: Initial states; every one must be bound.
        step: A rule from `load`.
        duration: Time to go [time]. Give one of this, `periods` and `steps`.
        periods: Orbital periods to go; pairs only.
        steps: Steps to take.
        out: Zarr file to write every step to; memory stays bounded.
        overwrite: Replace `out` if it exists.

    Raises:
        UserError: The choice of end is not one of the three, a system is not bound, the rule was
            made for other systems, or `out` exists.
    """
    step.check(system)
    check_bound(system, step.gate.field)
    until = system.time + _span(system, duration, periods, steps)
    begin = time.perf_counter()
    if out is None:
        outcome = follow(system, step, step.gate, until=until, max_steps=steps)
    else:
        path = Path(out)
        attributes = {
            "model": step.source,
            "gate_threshold": step.gate.threshold,
            "scheme": "plain",
        }
        with _Recorder(path, system, step.gate.field, attributes, overwrite) as recorder:
            outcome = follow(
                system, step, step.gate, until=until, max_steps=steps, watch=recorder.add
            )
    return Simulation(step, outcome, time.perf_counter() - begin, Path(out) if out else None)


def _span(
    system: System, duration: float | None, periods: float | None, steps: int | None
) -> Float[Tensor, " B"]:
    """How long to go for, with shape (B,); without end where only steps count."""
    given = {"duration": duration, "periods": periods, "steps": steps}
    chosen = {name: value for name, value in given.items() if value is not None}
    if len(chosen) != 1:
        raise UserError(f"Give one of duration, periods and steps, not {len(chosen)} of them.")
    name, value = chosen.popitem()
    if not 0 < value < math.inf:
        raise UserError(f"{name} must be above 0 and finite, got {value:g}.")
    if periods is not None:
        return periods * _periods(system)
    return torch.full_like(system.time, math.inf if duration is None else duration)


def _periods(system: System) -> Float[Tensor, " B"]:
    if system.mass.shape[1] != 2:
        raise UserError(
            f"Only two bodies have a period of their own, the system has {system.mass.shape[1]}; "
            "give a duration or a number of steps."
        )
    return period(elements(system).semi_major_axis, system.mass)


class _Recorder:
    """Writes every step to a file: all systems side by side, those that arrived stand still."""

    def __init__(
        self,
        path: Path,
        system: System,
        field: Field,
        attributes: Mapping[str, Any],
        overwrite: bool,
    ) -> None:
        self._file = SimulationFile.create(
            path,
            system.mass.cpu().numpy(),
            system.position.shape[-1],
            attributes=dict(attributes),
            overwrite=overwrite,
        )
        self._field, self._energy = field, total_energy(system, field)
        self._now = system
        self._write([system], [torch.zeros_like(system.time)])

    def __enter__(self) -> _Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, block: Block) -> None:
        """Append the states that the steps of a block led to."""
        count = len(block.rows)
        states = [block.begin.system[k * count : (k + 1) * count] for k in range(1, len(block.dt))]
        systems, lengths = [], []
        for state, dt in zip([*states, block.end], block.dt, strict=True):
            self._now = System(
                *(a.index_copy(0, block.rows, b) for a, b in zip(self._now, state, strict=True))
            )
            systems.append(self._now)
            lengths.append(torch.zeros_like(self._energy).index_copy(0, block.rows, dt))
        self._write(systems, lengths)

    def _write(self, systems: list[System], lengths: list[Tensor]) -> None:
        error = [(total_energy(s, self._field) - self._energy) / self._energy for s in systems]
        columns = (
            [s.time for s in systems],
            lengths,
            [s.position for s in systems],
            [s.velocity for s in systems],
            [e.abs() for e in error],
        )
        self._file.append(*(torch.stack(column).cpu().numpy() for column in columns))
