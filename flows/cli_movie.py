"""The option `--movie` of `simulate`: the file that is filmed, and how it looks meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@contextmanager
def filmed(out: Path | None, words: dict[str, Any]) -> Iterator[None]:
    """Film what the block simulates, if a movie is wanted.

    Arguments:
        out: The movie, or None.
        words: Keywords of the simulation; without a file among them it writes to one that goes
            away once the movie is there.

    Raises:
        UserError: There can be no such movie; said before anything is simulated.
    """
    if out is None:
        yield
        return
    from aitimestepper.movie import check_movie, movie

    overwrite = words["overwrite"]
    check_movie(out, overwrite=overwrite)
    with TemporaryDirectory() as folder:
        if words["out"] is None and not words["resume"]:
            words["out"] = Path(folder) / "run.zarr"
        yield
        with _shown() as progress:
            movie(str(words["out"]), out, overwrite=overwrite, progress=progress)


@contextmanager
def _shown() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal, nothing elsewhere: a movie takes seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (BarColumn(20), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("filming", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
