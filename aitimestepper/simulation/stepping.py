"""The inner loop: steps of a batch of systems, each with its own length, until a block is full."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..model.history import Remembering, Window
from ..physics.combined import Counted
from ..physics.conserved import total_energy
from ..physics.gate import Gate, Start
from ..physics.integrators import leapfrog
from ..physics.state import System, join
from .blocks import Block, Status
from .guard import guarded, start_of
from .schemes import Now, Scheme


class Course(NamedTuple):
    """What every step of a run is made with."""

    rule: Remembering
    gate: Gate
    scheme: Scheme
    guard: bool
    force: int
    """Evaluations of the force that a step of the integrator takes."""

    @property
    def law(self) -> int:
        """Evaluations of the force that the rule takes for one answer."""
        return getattr(getattr(self.rule, "step", self.rule), "evaluations", 0)


def step_cost(now: Now, gate: Gate) -> int:
    """Evaluations of the force that a step of the gate's integrator takes, by counting them."""
    if gate.integrator is leapfrog:
        return 1
    counted, one = Counted(gate.field), now.system[:1]
    gate.integrator(one, torch.zeros_like(one.time), counted, now.acceleration[:1])
    return counted.calls


class _Log:
    """What the steps of a block leave behind."""

    def __init__(self, now: Now) -> None:
        zero = torch.zeros_like(now.system.time, dtype=torch.long)
        self.systems: list[System] = []
        self.accelerations: list[Tensor] = []
        self.lengths: list[Tensor] = []
        self.errors: list[Tensor] = []
        self.rejected: Int[Tensor, " R"] = zero
        self.stuck: Bool[Tensor, " R"] = zero.bool()

    def start(self, gate: Gate) -> Start:
        """The states before the steps, with their energies."""
        before = join(self.systems)
        return Start(before, torch.cat(self.accelerations), total_energy(before, gate.field))


class _After(NamedTuple):
    """Where a step led."""

    system: System
    acceleration: Float[Tensor, "R N D"]
    dt: Float[Tensor, " R"]


def steps(
    rows: Int[Tensor, " R"], now: Now, course: Course, until: Float[Tensor, " R"], count: int
) -> Block:
    """At most `count` steps; systems that are stuck or have arrived stand still."""
    log, begin = _Log(now), now.system
    remembers = now.window.past.shape[1] > 0
    for _ in range(count):
        remaining = until - now.system.time  # NaN once a rule has led nowhere
        going = (remaining > 0) & ~log.stuck if course.guard else remaining > 0
        if not bool(going.any()):
            break
        left = torch.where(going, remaining, 0.0)
        proposal = course.scheme.propose(now, left, course.rule, course.gate)
        after = _step(now, proposal.dt, left, course, log)
        time = torch.where(after.dt == remaining, until, after.system.time)
        system = System(now.system.mass, after.system.position, after.system.velocity, time)
        window = _remembered(now, course.rule, after.dt != 0) if remembers else now.window
        now = Now(system, after.acceleration, window, proposal.memory)
    status = _status(now.system, begin, until, log.stuck)
    dt = torch.stack(log.lengths)
    error = torch.stack(log.errors) if course.guard else None
    counts = _evaluations(dt, log, course), log.rejected
    return Block(rows, log.start(course.gate), dt, now, status, *counts, error)


def _step(now: Now, proposed: Tensor, left: Tensor, course: Course, log: _Log) -> _After:
    """One step of every system that has something left to go, written to the log."""
    log.systems.append(now.system)
    log.accelerations.append(now.acceleration)
    if course.guard:
        begin = start_of(now.system, now.acceleration, course.gate)
        taken = guarded(begin, proposed, left, course.gate)
        log.errors.append(taken.error)
        log.rejected, log.stuck = log.rejected + taken.rejected, log.stuck | taken.stuck
        after = _After(taken.system, taken.acceleration, taken.dt)
    else:
        dt = torch.where(left > 0, proposed, 0.0)
        step = course.gate.integrator(now.system, dt, course.gate.field, now.acceleration)
        after = _After(step.system, step.acceleration, dt)
    log.lengths.append(after.dt)
    return after


def _remembered(now: Now, rule: Remembering, moved: Bool[Tensor, " R"]) -> Window:
    """The windows of the systems that left their states behind, and the others as they were."""
    old, new = now.window, rule.update(now.system, now.window)
    past = torch.where(moved[:, None, None], new.past, old.past)
    return Window(past, torch.where(moved, new.count, old.count))


def _status(now: System, begin: System, until: Tensor, stuck: Tensor) -> Int[Tensor, " R"]:
    """How it stands with each system; a step that is lost in rounding leads nowhere."""
    changed = [(a != b).flatten(1).any(1) for a, b in zip(now, begin, strict=True) if a.ndim == 3]
    moved = (now.time > begin.time) & (changed[0] | changed[1])  # NaN leads nowhere either
    status = torch.where(moved, Status.RUNNING, Status.NO_STEP)
    status = torch.where(stuck, Status.STUCK, status)
    return torch.where(now.time >= until, Status.DONE, status)


def _evaluations(dt: Float[Tensor, "T R"], log: _Log, course: Course) -> Int[Tensor, " R"]:
    """Evaluations of the force of each system: steps, probes, tries, iterations, proposals."""
    taken = (dt != 0).sum(0)
    proposals = taken + log.stuck.long()
    cost = course.scheme.cost
    vain = cost.trials + cost.laws * course.law
    tries = (taken + log.rejected) * course.gate.probes if course.guard else taken
    return tries * course.force + proposals * vain
