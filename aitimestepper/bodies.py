"""Initial conditions from a file with one body a row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from .errors import UserError
from .physics.conserved import kinetic_energy, total_energy
from .physics.gravity import Field
from .physics.state import System, assemble

_COLUMNS = {5: "mass, x, y, vx, vy", 7: "mass, x, y, z, vx, vy, vz"}
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
    table = _read(path)
    _check_table(path, table)
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


def _read(path: Path) -> np.ndarray:
    readers: dict[str, Callable[[Path], np.ndarray]] = {
        ".npy": _from_npy,
        ".txt": _from_text,
        ".csv": _from_text,
    }
    if path.suffix.lower() not in readers:
        raise UserError(
            f'{path} ends in "{path.suffix}", expected .npy, .txt or .csv; save it as one of these.'
        )
    try:
        return readers[path.suffix.lower()](path)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; check the path.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None


def _from_npy(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            table = np.lib.format.read_array(file, allow_pickle=False)
        return np.ascontiguousarray(table.astype(np.float64, casting="same_kind"))
    except (ValueError, TypeError, EOFError, MemoryError, OverflowError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(
            f"{path} is no .npy file of numbers ({reason}); write it with "
            "`numpy.save(path, array)` from a float array."
        ) from None


def _from_text(path: Path) -> np.ndarray:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file; save it as UTF-8, or as .npy.") from None
    lines = [(n, line.partition("#")[0]) for n, line in enumerate(text.splitlines(), start=1)]
    rows = [(n, _words(line)) for n, line in lines if line.strip(" ,\t\r")]
    if rows and not any(map(_is_number, rows[0][1])):
        rows = rows[1:]
    if not rows:
        raise UserError(f"{path} has 0 bodies, expected at least 2; add a row for each body.")
    for n, words in rows:
        _check_row(path, n, words, len(rows[0][1]))
    return np.array([words for _, words in rows], dtype=np.float64, ndmin=2)


def _words(line: str) -> list[str]:
    """The columns of a line; an empty field between commas is a column and no blank."""
    line = line.strip(" \t\r")
    return [word.strip() for word in line.split(",")] if "," in line else line.split()


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _check_row(path: Path, line: int, words: list[str], columns: int) -> None:
    wrong = next((word for word in words if not _is_number(word)), None)
    if wrong is not None:
        raise UserError(
            f'{path}, line {line}: "{wrong}" is not a number; a row is {_COLUMNS[5]} '
            f"or {_COLUMNS[7]}."
        )
    if len(words) != columns:
        raise UserError(
            f"{path}, line {line}: {len(words)} columns where the first body has {columns}; "
            "give every body the same number, 5 or 7."
        )


def _check_table(path: Path, table: np.ndarray) -> None:
    if table.ndim != 2:
        raise UserError(
            f"{path} has {table.ndim} axes, expected 2: one body a row, 5 or 7 columns."
        )
    bodies, columns = table.shape
    if bodies < 2:
        raise UserError(
            f"{path} has {bodies} bodies, expected at least 2; add a row for each body."
        )
    if columns not in _COLUMNS:
        raise UserError(
            f"{path} has {columns} columns, expected 5 ({_COLUMNS[5]}) or 7 ({_COLUMNS[7]})."
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
