"""How a training looks while it runs: a bar in a terminal, lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tasks.reports import PhaseProgress, PhaseReport

if TYPE_CHECKING:
    from aitimestepper.settings import RunConfig
    from tasks.listeners import Event, Listener

_QUIET = 10.0


class Lines:
    """A line for each epoch, and one from time to time while a phase takes long.

    Arguments:
        epochs: Number of epochs in all.
        console: Where the lines go.
    """

    def __init__(self, epochs: int, console: Console) -> None:
        self._epochs, self._console = epochs, console
        self._collected: PhaseReport | None = None
        self._phase: tuple[int, str] | None = None
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        """Take notice of an event."""
        if isinstance(event, str):
            self.said(event)
        elif isinstance(event, PhaseProgress):
            self.moved(event)
        elif event.phase == "collect":
            self._collected = event
        else:
            self.completed(event)

    def moved(self, progress: PhaseProgress) -> None:
        """A phase is still at work."""
        if (progress.epoch, progress.phase) != self._phase:
            self._phase, self._last = (progress.epoch, progress.phase), time.monotonic()
        if time.monotonic() - self._last >= _QUIET:
            self.write(f"epoch {progress.epoch} {progress.phase}: {progress.text}")

    def completed(self, report: PhaseReport) -> None:
        """An epoch is done."""
        before = self._collected
        fits = before is not None and before.epoch == report.epoch
        self.write(epoch_line(before if fits else None, report, self._epochs))

    def said(self, text: str) -> None:
        """Something goes on besides the phases."""
        self.write(text)

    def write(self, text: str) -> None:
        """One line, whatever its length."""
        self._last = time.monotonic()
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


def epoch_line(collected: PhaseReport | None, generalized: PhaseReport, epochs: int) -> str:
    """What an epoch came to; without its first half where an earlier process did that."""
    second, seconds = generalized.numbers, generalized.seconds
    parts = []
    if collected is not None:
        first, seconds = collected.numbers, seconds + collected.seconds
        parts = [
            f"{first['accepted']:.0f} accepted",
            f"{first['attempts_per_step']:.2f} attempts/step",
        ]
    parts += [
        f"{second['sweeps']:.0f} sweeps",
        f"{second['passing']:.0%} passing",
        f"worst error {second['worst']:.2f} thresholds",
        f"{seconds:.1f} s",
    ]
    return f"epoch {generalized.epoch:>{len(str(epochs))}}/{epochs}: {', '.join(parts)}"


class Bar(Lines):
    """Lines for epochs above a bar that shows every move.

    Arguments:
        epochs: Number of epochs in all.
        progress: The bar, running.
    """

    def __init__(self, epochs: int, progress: Progress) -> None:
        super().__init__(epochs, progress.console)
        self._progress = progress
        self._task = progress.add_task("starting Prefect", total=epochs)

    def moved(self, progress: PhaseProgress) -> None:
        """A phase is still at work."""
        half = 0.5 * (progress.phase == "generalize") + progress.percent / 200
        text = f"epoch {progress.epoch} {progress.phase}: {progress.text}"
        self._progress.update(self._task, completed=progress.epoch - 1 + half, description=text)

    def completed(self, report: PhaseReport) -> None:
        """An epoch is done."""
        super().completed(report)
        text = f"epoch {report.epoch} done"
        self._progress.update(self._task, completed=report.epoch, description=text)

    def said(self, text: str) -> None:
        """Something goes on besides the phases."""
        self._progress.update(self._task, description=text)


@contextmanager
def shown(config: RunConfig) -> Iterator[Listener]:
    """A listener that shows a training on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = Lines(config.epochs, console)
        lines.write(
            f"run {config.name}: {config.epochs} epochs, {config.orbits} orbits, "
            f"threshold {config.energy_threshold:g}; starting Prefect"
        )
        yield lines
        return
    columns = (BarColumn(20), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
        yield Bar(config.epochs, progress)
