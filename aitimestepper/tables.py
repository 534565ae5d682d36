"""Tables of numbers from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .errors import UserError


class Layout(NamedTuple):
    """What the rows of a table are."""

    row: str
    """What one row is, such as "body"."""
    rows: str
    """The same in the plural."""
    columns: Mapping[int, str]
    """How many columns there may be, with the names of each."""

    @property
    def counts(self) -> str:
        """The numbers of columns that there may be, in words."""
        return " or ".join(map(str, self.columns))

    @property
    def described(self) -> str:
        """The columns that there may be, in words."""
        return " or ".join(self.columns.values())


def read_table(path: str | Path, layout: Layout) -> np.ndarray:
    """Read two rows of numbers or more.

    Arguments:
        path: A `.npy`, `.txt` or `.csv` file. Text may have a header line and `#` comments.
        layout: What the rows are.

    Returns:
        The numbers, float64 with shape (rows, columns).

    Raises:
        UserError: There is no such file, or it is no such table.
    """
    path = Path(path)
    table = _read(path, layout)
    _check_table(path, table, layout)
    return table


def _read(path: Path, layout: Layout) -> np.ndarray:
    readers: dict[str, Callable[[Path, Layout], np.ndarray]] = {
        ".npy": _from_npy,
        ".txt": _from_text,
        ".csv": _from_text,
    }
    if path.suffix.lower() not in readers:
        raise UserError(
            f'{path} ends in "{path.suffix}", expected .npy, .txt or .csv; save it as one of these.'
        )
    try:
        return readers[path.suffix.lower()](path, layout)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; check the path.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None


def _from_npy(path: Path, _: Layout) -> np.ndarray:
    try:
        with path.open("rb") as file:
            table = np.lib.format.read_array(file, allow_pickle=False)
        return np.ascontiguousarray(table.astype(np.float64, casting="same_kind"))
    except OSError:
        raise
    except Exception as error:  # NumPy's reader raises far more than ValueError
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(
            f"{path} is no .npy file of numbers ({reason}); write it with "
            "`numpy.save(path, array)` from a float array."
        ) from None


def _from_text(path: Path, layout: Layout) -> np.ndarray:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file; save it as UTF-8, or as .npy.") from None
    lines = [(n, line.partition("#")[0]) for n, line in enumerate(text.splitlines(), start=1)]
    rows = [(n, _words(line)) for n, line in lines if line.strip(" ,\t\r")]
    if rows and not any(map(_is_number, rows[0][1])):
        rows = rows[1:]
    if not rows:
        raise UserError(
            f"{path} has 0 {layout.rows}, expected at least 2; add a row for each {layout.row}."
        )
    for n, words in rows:
        _check_row(path, n, words, len(rows[0][1]), layout)
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


def _check_row(path: Path, line: int, words: list[str], columns: int, layout: Layout) -> None:
    wrong = next((word for word in words if not _is_number(word)), None)
    if wrong is not None:
        raise UserError(
            f'{path}, line {line}: "{wrong}" is not a number; a row is {layout.described}.'
        )
    if len(words) != columns:
        raise UserError(
            f"{path}, line {line}: {len(words)} columns where the first {layout.row} has {columns};"
            f" give every {layout.row} the same number, {layout.counts}."
        )


def _check_table(path: Path, table: np.ndarray, layout: Layout) -> None:
    if table.ndim != 2:
        raise UserError(
            f"{path} has {table.ndim} axes, expected 2: one {layout.row} a row, {layout.counts} "
            "columns."
        )
    rows, columns = table.shape
    if rows < 2:
        raise UserError(
            f"{path} has {rows} {layout.rows}, expected at least 2; add a row for each "
            f"{layout.row}."
        )
    if columns not in layout.columns:
        wanted = " or ".join(f"{n} ({names})" for n, names in layout.columns.items())
        raise UserError(f"{path} has {columns} columns, expected {wanted}.")
