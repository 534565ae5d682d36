"""How a simulation looks while it runs: a bar in a terminal, lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aitimestepper.simulation.run import Progress

_QUIET = 10.0


def described(progress: Progress) -> str:
    """How far a run has come, in words."""
    return (
        f"t = {progress.time:.6g}, {progress.taken} steps, energy error {progress.energy_error:.1e}"
    )


@contextmanager
def travelling() -> Iterator[Callable[[Progress], None]]:
    """Something to tell how far a run has come, which shows it on standard error."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console) as tell:
            yield tell
        return
    last = time.monotonic()

    def line(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _QUIET:
            last = time.monotonic()
            text = f"{progress.share:.0%}: {described(progress)}"
            console.print(text, soft_wrap=True, markup=False, highlight=False)

    yield line


@contextmanager
def _bar(console) -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    text = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(20), TimeRemainingColumn(), text)
    with Bar(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda now: bar.update(task, completed=now.share, description=described(now))
