"""How far a simulation ends from the truth: exact motion, published states, the way back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..model.history import remembering
from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.gravity import Field, Gravity
from ..physics.kepler import elements, propagate
from ..physics.state import System
from .blocks import Standing, standing
from .cases import Case
from .evolve import depart, evolve
from .schemes import Now, Scheme, turned

_SAME_TIME = 1e-9


def phase_error(begin: System, end: System, field: Field) -> Float[Tensor, " B"]:
    r"""Angle along the orbit between a state and the exact motion [rad]; NaN where none is known.

    .. math::
        \lambda = \theta + (M - f)

    The mean longitude, from the angle of the separation, the mean and the true anomaly: it is
    well defined for circular orbits too, and grows evenly in time.

    Arguments:
        begin: Initial states.
        end: States at the end of a simulation.
        field: What pushed; exact motion is known of two bodies without softening.
    """
    if not _is_kepler(begin, field):
        return torch.full_like(begin.time, torch.nan)
    exact = propagate(begin, end.time - begin.time)
    angle = _angle(exact, end) + _lead(end) - _lead(exact)
    return torch.remainder(angle + math.pi, 2 * math.pi).sub(math.pi).abs()


def _is_kepler(system: System, field: Field) -> bool:
    return type(field) is Gravity and field.softening == 0 and system.mass.shape[1] == 2


def _angle(one: System, other: System) -> Float[Tensor, " B"]:
    """Signed angle from the separation of one pair to that of another, along its motion."""
    x, y = (system.position.diff(dim=1)[:, 0] for system in (one, other))
    v = one.velocity.diff(dim=1)[:, 0]
    ahead = v - (v * x).sum(-1, keepdim=True) / x.square().sum(-1, keepdim=True) * x
    return torch.atan2((y * ahead).sum(-1) / ahead.norm(dim=-1), (y * x).sum(-1) / x.norm(dim=-1))


def _lead(system: System) -> Float[Tensor, " B"]:
    """Mean less true anomaly [rad]."""
    _, e, anomaly = elements(system)
    half = 0.5 * anomaly
    true = 2 * torch.atan2((1 + e).sqrt() * half.sin(), (1 - e).sqrt() * half.cos())
    return anomaly - e * anomaly.sin() - true


def position_error(
    cases: Sequence[Case], begin: System, end: System, field: Field
) -> Float[Tensor, " B"]:
    """Largest distance of a body from its exact or published place [length]; NaN without one."""
    if _is_kepler(begin, field):
        exact = propagate(begin, end.time - begin.time).position
        return (end.position - exact).norm(dim=-1).amax(-1)
    places = [_published(case, time) for case, time in zip(cases, end.time.tolist(), strict=True)]
    unknown = torch.full_like(end.position[0], torch.nan)
    expected = torch.stack([unknown if p is None else p.to(unknown) for p in places])
    return (end.position - expected).norm(dim=-1).amax(-1)


def _published(case: Case, time: float) -> Tensor | None:
    """The published positions at a time; a closed curve comes back to its start."""
    for known, position in case.references:
        if math.isclose(known, time, rel_tol=_SAME_TIME):
            return position
    turns = time / case.period if case.period else 0.5
    return case.system.position[0] if abs(turns - round(turns)) < _SAME_TIME * turns else None


@torch.no_grad()
def reversal_error(
    system: System, step: TimeStep, gate: Gate, scheme: Scheme, steps: int
) -> Float[Tensor, " B"]:
    """Distance from the start after steps there and back, over the size of the system.

    Steps are counted and none is cut short: a cut one would be another on the way back.

    Arguments:
        system: Initial states.
        step: The rule.
        gate: Brings the field and the integrator.
        scheme: Makes steps of what the rule says.
        steps: Number of steps there, and as many back.
    """
    rule, endless = remembering(step), torch.full_like(system.time, torch.inf)
    there = depart(system, step, gate, scheme)
    for block in evolve(system, step, gate, until=endless, max_steps=steps, scheme=scheme):
        there = standing(block, 0)
    if len(there.rows) < len(system):
        return torch.full_like(system.time, torch.nan)
    back = Now(turned(there.now.system), *there.now[1:])
    back = back._replace(memory=scheme.turn(there.now, rule), window=rule.begin(back.system))
    end, since = back.system, Standing(there.rows, back, 0)
    for block in evolve(
        system, step, gate, until=endless, max_steps=steps, scheme=scheme, since=since
    ):
        end = block.end
    if len(end) < len(system):
        return torch.full_like(system.time, torch.nan)
    size = system.position.norm(dim=-1).amax(-1)
    return (end.position - system.position).norm(dim=-1).amax(-1) / size
