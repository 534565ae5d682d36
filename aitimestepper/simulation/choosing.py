"""Schemes by name, and which of them a rule can run with."""

from __future__ import annotations

from ..errors import UserError
from ..model.history import remembers
from ..model.timestep import TimeStep
from ..physics.state import System
from .schemes import Plain, Reversible, Scheme, Symmetric

SCHEMES = ("plain", "symmetric", "reversible")


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


def check_scheme(scheme: Scheme, step: TimeStep, system: System, guard: bool) -> None:
    """Refuse what would not do what it promises.

    Arguments:
        scheme: Makes steps of what the rule says.
        step: The rule.
        system: Initial states.
        guard: Whether steps may be shortened.

    Raises:
        UserError: The rule looks back and the scheme cannot; a guard would break the scheme.
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
