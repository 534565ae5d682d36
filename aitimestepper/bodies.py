"""Initial conditions from a file with one body a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from .errors import UserError
from .physics.conserved import kinetic_energy, total_energy
from .physics.gravity import Field
from .physics.state import System, assemble
from .tables import Layout, read_table

_BODIES = Layout("body", "bodies", {5: "mass, x, y, vx, vy", 7: "mass, x, y, z, vx, vy, vz"})
_ROUNDING = 64 * np.finfo(np.float64).eps


def read_bodies(path: str | Path, *, softening: float = 0.0) -> System:
    """Read a system, in float64, as a batch of one.

    Arguments:
        path: A `.npy`, `.txt` or `.csv` file; a row is mass, position..., velocity... of a body,
            5 columns for D = 2, 7 for D = 3. Text may have a header line and `#` comments.
        softening: Softening length [length] of the field to come; above zero, bodies may coincide.

    Raises:
        UserError: There is no such file, or what it says is no system of two bodies or more.
    """
    path = Path(path)
    table = read_table(path, _BODIES)
    _check_bodies(path, table, softening)
    d = (table.shape[1] - 1) // 2
    rows = torch.from_numpy(table)[None]
    return assemble(rows[..., 0], rows[..., 1 : 1 + d], rows[..., 1 + d :])


def check_bound(system: System, field: Field) -> None:
    """Refuse systems whose energy is no scale for an energy error.

    Arguments:
        system: Initial states, B of them.
        field: Source of the potential energy.

    Raises:
        UserError: A system is parabolic or unbound: its total energy in the centre-of-mass frame
            is not below zero by more than rounding.
    """
    _check_finite(system, field)
    energy, kinetic = total_energy(system, field), kinetic_energy(system)
    scale = torch.maximum(field.energy(system).abs(), kinetic)
    bad = (~(energy < -_ROUNDING * scale)).nonzero()[:, 0].tolist()
    if bad:
        value, depth = energy[bad[0]].item(), field.energy(system)[bad[0]].item()
        which = "The system" if len(system) == 1 else f"System {bad[0]}"
        raise UserError(
            f"{which} is parabolic or unbound: its total energy is {value:.3g} with a potential "
            f"energy of {depth:.3g}, and the gate measures errors relative to a total energy below "
            "0; give bodies that move more slowly or lie closer together."
        )


def _check_finite(system: System, field: Field) -> None:
    acceleration = field.acceleration(system).flatten(1)
    numbers = torch.cat([total_energy(system, field)[:, None], acceleration], 1)
    if not bool(numbers.isfinite().all()):
        raise UserError(
            "The system has no finite energy or acceleration: its bodies are too close together or "
            "its numbers too large; move bodies apart or use units nearer to its size."
        )


def _check_bodies(path: Path, table: np.ndarray, softening: float) -> None:
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        row, column = bad[0]
        raise UserError(
            f"{path}: body {row + 1} has {table[row, column]} in column {column + 1}, "
            "expected finite numbers; mend that row."
        )
    light = np.flatnonzero(table[:, 0] <= 0)
    if len(light):
        raise UserError(
            f"{path}: body {light[0] + 1} has mass {table[light[0], 0]:g}, expected more than 0; "
            "leave out bodies without mass."
        )
    twins = _coincident(table[:, 1 : 1 + (table.shape[1] - 1) // 2])
    if twins and softening == 0:
        raise UserError(
            f"{path}: bodies {twins[0] + 1} and {twins[1] + 1} are at the same place, where "
            "gravity without softening is infinite; move one of them."
        )


def _coincident(position: np.ndarray) -> tuple[int, int] | None:
    """The first two bodies at one place."""
    order = np.lexsort(position.T)
    same = np.flatnonzero((np.diff(position[order], axis=0) == 0).all(1))
    if not len(same):
        return None
    first, second = sorted(order[same[0] : same[0] + 2].tolist())
    return first, second
