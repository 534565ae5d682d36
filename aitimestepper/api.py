"""Simulate from Python: one call from bodies and a rule to figures and a file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .bodies import check_bound
from .errors import UserError
from .physics.kepler import elements, period
from .physics.state import System
from .recording import Recorder, create, reopen
from .simulation.blocks import Block, Status
from .simulation.choosing import check_scheme, scheme_named
from .simulation.ensemble import simulate_ensemble
from .simulation.evolve import depart
from .simulation.outcome import Outcome, Tally, opening
from .simulation.run import Interrupted, Progress
from .simulation.run import simulate as follow
from .simulation.schemes import Scheme
from .sources import Step

_MANY = 5000
"""Systems from which on pieces in several threads are faster; a file keeps them together."""


@dataclass(frozen=True)
class Simulation:
    """What a simulation came to."""

    step: Step
    scheme: Scheme
    guard: bool
    outcome: Outcome
    wall_seconds: float
    out: Path | None

    def figures(self) -> dict[str, Any]:
        """The figures of the whole batch: sums of counts, the largest of every error."""
        o = self.outcome
        return {
            "model": self.step.source,
            "scale": self.step.scale,
            "scheme": self.scheme.name,
            "guard": self.guard,
            "systems": len(o.end),
            "steps": int(o.steps.sum()),
            "evaluations": int(o.evaluations.sum()),
            "rejected": int(o.rejected.sum()),
            "time": _finite(o.end.time.max()),
            "energy_error_max": _finite(o.energy_error_max.max()),
            "energy_error_final": _finite(o.energy_error_final.max()),
            "momentum_error": _finite(o.momentum_error.max()),
            "angular_momentum_error": _finite(o.angular_momentum_error.max()),
            "gate_threshold": self.step.gate.threshold,
            "gate_violations": None if o.violations is None else int(o.violations.sum()),
            "ended_early": len(self.lost),
            "wall_seconds": self.wall_seconds,
            "out": None if self.out is None else str(self.out),
        }

    @property
    def lost(self) -> list[int]:
        """Systems that did not come to their end."""
        return (self.outcome.status > Status.DONE).nonzero()[:, 0].tolist()

    def complaint(self) -> str:
        """One sentence about the systems that did not come to their end; empty without any."""
        if not self.lost:
            return ""
        first = self.lost[0]
        what = "" if len(self.outcome.end) == 1 else f" of system {first}"
        more = f" ({len(self.lost)} systems ended early)" if len(self.lost) > 1 else ""
        when = self.outcome.end.time[first].item()
        if self.outcome.status[first] == Status.STUCK:
            return (
                f"The run{what} ended early at t = {when:.6g}, where no step passes the threshold "
                f"{self.step.gate.threshold:g}, however short{more}; choose a larger threshold."
            )
        return (
            f"The run{what} ended early{'' if math.isnan(when) else f' at t = {when:.6g}'}, where "
            f"{self.step.source} led nowhere{more}; choose another rule, or the guard."
        )


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
    scale: float = 1.0,
    scheme: str = "plain",
    iterations: int | None = None,
    guard: bool = False,
    judge: bool = True,
    out: Path | str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    tell: Callable[[Progress], None] | None = None,
) -> Simulation:
    """Follow systems with a time step rule; the last step is shortened to land on the end.

    Arguments:
        system: Initial states; every one must be bound.
        step: A rule from `load`.
        duration: Time to go [time]. Give one of this, `periods` and `steps`.
        periods: Orbital periods to go; pairs only.
        steps: Steps to take.
        scale: Factor on all steps that the rule asks for: shorter steps make smaller errors.
        scheme: How steps are made of what the rule says: `plain`, `symmetric`, `reversible`.
        iterations: Of the symmetric scheme; 1 when left out.
        guard: Try every step that fails the gate again, shorter.
        judge: Count the steps that the gate would have refused; takes longer than the run itself.
        out: Zarr file to write every step to; memory stays bounded.
        overwrite: Replace `out` if it exists.
        resume: Go on with the interrupted run in `out`, with the same bits as without the
            interruption.
        tell: Told after every block of steps how far the run has come.

    Raises:
        UserError: The choice of end is not one of the three, a number is out of range, a system
            is not bound, the rule was made for other systems or does not go with the scheme, or
            `out` exists.
        KeyboardInterrupt: Ctrl-C; the text says what was kept.
    """
    step.check(system)
    step = step.scaled(scale)
    check_bound(system, step.gate.field)
    way = scheme_named(scheme, iterations)
    check_scheme(way, step, system, guard)
    span = _span(system, duration, periods, steps)
    begin, since, recorder = time.perf_counter(), None, None
    if out is None and (resume or overwrite):
        raise UserError("There is no file to go on with or to overwrite; give it as out.")
    if out is not None:
        told = _attributes(step, way, guard, system, span, steps)
        recorder, since = _recorder(Path(out), system, step, way, told, overwrite, resume)
    until = system.time + span
    options: dict[str, Any] = {"until": until, "max_steps": steps}
    options |= {"scheme": way, "guard": guard, "judge": judge}
    try:
        if recorder is None and len(system) >= _MANY:
            outcome, _ = simulate_ensemble(system, step, step.gate, tell=tell, **options)
        else:
            watch = _watch(recorder, tell, system.time, until, steps, since)
            with recorder or nullcontext():
                outcome, _ = follow(system, step, step.gate, watch=watch, since=since, **options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept(recorder)) from None
    seconds = time.perf_counter() - begin
    return Simulation(step, way, guard, outcome, seconds, Path(out) if out else None)


def _kept(recorder: Recorder | None) -> str:
    if recorder is None:
        return "Stopped; nothing was written: with --out FILE.zarr, a run can go on."
    return (
        f"Stopped; {recorder.file.path} is complete up to here ({recorder.file.rows} rows): type "
        "the same command with --resume to go on."
    )


def _attributes(
    step: Step,
    scheme: Scheme,
    guard: bool,
    system: System,
    span: Float[Tensor, " B"],
    steps: int | None,
) -> dict[str, Any]:
    """What made a file; a run goes on only where all of it is the same."""
    proposal = step.propose(system, step.begin(system))
    return {
        "model": step.source,
        "gate_threshold": step.gate.threshold,
        "scale": step.scale,
        "scheme": scheme.name,
        "iterations": getattr(scheme, "iterations", 0),
        "guard": guard,
        "span": _plain(span.max()),
        "max_steps": steps or 0,
        "first_proposal": _plain(proposal.sum()),
    }


def _plain(value: Tensor) -> float | str:
    """A number that JSON keeps to the bit; text where it knows none."""
    number = value.item()
    return number if math.isfinite(number) else str(number)


def _recorder(
    path: Path,
    system: System,
    step: Step,
    scheme: Scheme,
    attributes: dict[str, Any],
    overwrite: bool,
    resume: bool,
) -> tuple[Recorder, Interrupted]:
    """The file to write to, and where the run stands that it will hold."""
    if resume:
        if overwrite:
            raise UserError("A run is either gone on with or overwritten; leave one of them out.")
        file, since = reopen(path, system, attributes)
        return Recorder(file, system, since), since
    recorder = Recorder(create(path, system, attributes, overwrite=overwrite), system, None)
    start = depart(system, step, step.gate, scheme)
    since = Interrupted(start, Tally(system, step.gate, opening(step, scheme)).sums)
    recorder.begin(since)
    return recorder, since


def _watch(
    recorder: Recorder | None,
    tell: Callable[[Progress], None] | None,
    begin: Tensor,
    until: Tensor,
    steps: int | None,
    since: Interrupted | None,
) -> Callable[[Block, Tally], None]:
    """Write every block down, then say how far the run has come."""
    taken = since.standing.taken if since else 0

    def watch(block: Block, tally: Tally) -> None:
        nonlocal taken
        taken += len(block.dt)
        if recorder is not None:
            recorder.add(block, tally)
        if tell is not None:
            tell(_progress(tally, taken, begin, until, steps))

    return watch


def _progress(
    tally: Tally, taken: int, begin: Tensor, until: Tensor, steps: int | None
) -> Progress:
    """How far the slowest system has come; those that ended early have arrived."""
    time, status = tally.sums.end.time, tally.sums.status
    gone = torch.where(status == Status.RUNNING, (time - begin) / (until - begin), 1.0)
    share = gone.min().item() if steps is None else taken / steps
    running = time[status == Status.RUNNING]
    now = (running if len(running) else time).min().item()
    return Progress(taken, now, share, tally.sums.largest.max().item())


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
