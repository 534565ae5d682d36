"""Schemes by name, and which of them a rule can run with."""

from __future__ import annotations

import torch

from ..errors import UserError
from ..model.history import remembers
from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.state import System, join
from ..physics.timescales import free_fall_time
from .schemes import Plain, Reversible, Scheme, Symmetric, turned

SCHEMES = ("plain", "symmetric", "reversible")
_EVEN = 1e-6
_AHEAD = (0.1, 0.3, 1.0)


def scheme_named(name: str, iterations: int | None = None) -> Scheme:
    """A scheme by its name.

    Arguments:
        name: One of `SCHEMES`.
        iterations: Of the symmetric scheme; 1 when left out.

    Raises:
        UserError: There is none of that name, or it does not iterate.
    """
    if name not in SCHEMES:
        raise UserError(f'There is no scheme "{name}"; choose one of {", ".join(SCHEMES)}.')
    if name == "symmetric":
        if iterations is not None and iterations < 1:
            raise UserError(f"The symmetric scheme takes 1 iteration or more, not {iterations}.")
        return Symmetric() if iterations is None else Symmetric(iterations)
    if iterations is not None:
        raise UserError(
            f"The {name} scheme does not iterate; leave out iterations, or choose symmetric."
        )
    return Plain() if name == "plain" else Reversible()


def check_scheme(scheme: Scheme, step: TimeStep, system: System, gate: Gate, guard: bool) -> None:
    """Refuse what would not do what it promises.

    Arguments:
        scheme: Makes steps of what the rule says.
        step: The rule.
        system: Initial states, which the rule is tried on.
        gate: Brings the field.
        guard: Whether steps may be shortened.

    Raises:
        UserError: The rule looks back and the scheme cannot; it must be even in velocity and is
            not; a guard would break the scheme.
    """
    if guard and not scheme.guarded:
        raise UserError(
            f"A guard shortens steps, which breaks the {scheme.name} scheme; leave out the guard, "
            "or choose the scheme symmetric."
        )
    if not scheme.history and remembers(step, system):
        raise UserError(
            f"The {scheme.name} scheme asks for the step at states that are never taken, so that "
            "a model with a history has no past there; choose the scheme plain, with or without "
            "the guard."
        )
    if isinstance(scheme, Reversible) and not is_even(step, system, gate):
        raise UserError(
            "The reversible scheme needs a rule that says the same when all velocities change "
            "sign, and this one does not; choose the scheme symmetric."
        )


@torch.no_grad()
def is_even(step: TimeStep, system: System, gate: Gate) -> bool:
    """Whether a rule says the same when all velocities change sign.

    Tried on the initial states and a little later: states at rest, or at the apocentre, say
    nothing.
    """
    dt = 0.5 * free_fall_time(system, gate.field)
    tried = [system, *(gate.integrator(system, part * dt, gate.field).system for part in _AHEAD)]
    if len(system) > 1 and hasattr(step, "take"):  # a rule that differs from system to system
        pairs = [(step(state), step(turned(state))) for state in tried]
        one, other = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    else:
        states = join(tried)
        one, other = step(states), step(turned(states))
    return bool(((one - other).abs() <= _EVEN * one.abs()).all())
