"""A time step rule inside a REBOUND leapfrog."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..errors import UserError
from ..physics.state import System, assemble

OfSystem = Callable[[System], torch.Tensor]
OfArrays = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def rebound() -> Any:
    """The package REBOUND.

    Raises:
        UserError: It is not installed.
    """
    try:
        import rebound as package
    except ImportError:
        raise UserError(
            "REBOUND is not installed; type `pip install rebound`, or install aitimestepper with "
            "the extra `rebound`."
        ) from None
    return package


def attach(
    simulation: Any, step: OfSystem | OfArrays, *, dimensions: int, arrays: bool = False
) -> None:
    """Let a rule choose `dt` before every step of a REBOUND leapfrog.

    REBOUND calls the heartbeat before the first step and after every step, and that is where
    `dt` is set. A pre-timestep hook would do for endless runs alone: REBOUND shortens the last
    step to land on the end of `integrate`, the hook sets it back, and the end is never reached.

    Arguments:
        simulation: A `rebound.Simulation` with the integrator `leapfrog` and G = 1. Its heartbeat
            is replaced; one that is there already cannot be kept.
        step: A rule of `aitimestepper.load`, or with `arrays` a function of mass (N,), position
            (N, D) and velocity (N, D) to a number, such as an exported NumPy step.
        dimensions: D of the rule, 2 or 3; for 2 all bodies must stay in the plane z = 0.
        arrays: Whether `step` takes arrays.

    REBOUND's leapfrog is drift-kick-drift where ours is kick-drift-kick: second order and as
    good, but the energy error of a single step is another than the one that a model has learnt.

    Raises:
        UserError: The integrator is another, or its unit of gravity is, or the rule was made for
            other N or D.
    """
    rebound()
    if simulation.integrator != "leapfrog":
        raise UserError(
            f"The rule chooses steps of a leapfrog, the simulation has the integrator "
            f'{simulation.integrator}; set `simulation.integrator = "leapfrog"`.'
        )
    if simulation.G != 1:
        raise UserError(
            f"The rule works in units with G = 1, the simulation has G = {simulation.G}."
        )
    propose: Any = step if arrays else _of_system(step)
    read = _reader(simulation.N, dimensions)

    def heartbeat(pointer: Any) -> None:
        now = pointer.contents
        try:
            dt = propose(*read(now))
        except Exception:  # Python prints it and goes on: it cannot pass through C
            now.stop()
            raise
        if 0 < dt < math.inf:
            now.dt = dt
        else:
            now.stop()
            warnings.warn(f"The rule proposes dt = {dt} at t = {now.t}; stopped.", stacklevel=2)

    propose(*read(simulation))  # a rule for other bodies is refused here
    simulation.heartbeat = heartbeat


def _reader(bodies: int, dimensions: int) -> Callable[[Any], tuple[np.ndarray, ...]]:
    """Something that reads a simulation into the same arrays every time."""
    mass, position, velocity = np.empty(bodies), np.empty((bodies, 3)), np.empty((bodies, 3))
    seen = mass, position[:, :dimensions], velocity[:, :dimensions]

    def read(simulation: Any) -> tuple[np.ndarray, ...]:
        simulation.serialize_particle_data(m=mass, xyz=position, vxvyvz=velocity)
        return seen

    return read


def _of_system(step: Any) -> OfArrays:
    """A rule of systems as one of arrays."""

    def propose(mass: np.ndarray, position: np.ndarray, velocity: np.ndarray) -> float:
        tensors = (torch.from_numpy(array)[None] for array in (mass, position, velocity))
        return step(assemble(*tensors)).item()

    return propose
