"""Ensembles: many systems in pieces, several pieces at a time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..model.timestep import TimeStep
from ..physics.gate import Gate
from ..physics.state import System
from .evolve import restrict
from .outcome import Outcome, gather
from .run import Progress, simulate

PIECE = 5000
"""Most systems in a piece: fewer would have the threads wait for each other's Python."""


def simulate_ensemble(
    system: System,
    step: TimeStep,
    gate: Gate,
    *,
    until: Float[Tensor, " B"],
    workers: int | None = None,
    tell: Callable[[Progress], None] | None = None,
    **options: Any,
) -> tuple[Outcome, float]:
    """Follow many systems, each on its own, as `simulate` does.

    Results do not depend on the number of workers: the pieces are the same.

    Arguments:
        system: Initial states.
        step: Proposes the steps.
        gate: Brings the field and the integrator.
        until: Time to stop at [time], with shape (B,).
        workers: Pieces at a time; as many as PyTorch may use threads when left out.
        tell: Told after every piece how far the ensemble has come.
        options: Other keywords of `simulate`.

    Returns:
        What came of it, and the seconds that it took in all.
    """
    begin, heard = time.perf_counter(), _Heard(tell, len(system))
    count = max(min(2, len(system)), math.ceil(len(system) / PIECE))
    pieces = torch.arange(len(system), device=until.device).tensor_split(count)

    stop = threading.Event()

    def watch(*_: object) -> None:
        if stop.is_set():
            raise CancelledError

    def follow(rows: Tensor) -> Outcome:
        outcome, _ = simulate(
            system[rows], restrict(step, rows), gate, until=until[rows], watch=watch, **options
        )
        heard.add(outcome)
        return outcome

    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(workers or threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        outcomes = list(pool.map(follow, pieces))
    finally:
        stop.set()  # Ctrl-C ends the pieces at work with their blocks
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
    return gather(outcomes), time.perf_counter() - begin


class _Heard:
    """Adds up the pieces that have come to their end."""

    def __init__(self, tell: Callable[[Progress], None] | None, systems: int) -> None:
        self._tell, self._systems, self._lock = tell, systems, threading.Lock()
        self._done, self._taken, self._error = 0, 0, 0.0

    def add(self, outcome: Outcome) -> None:
        """One more piece."""
        with self._lock:
            self._done += len(outcome.end)
            self._taken = max(self._taken, int(outcome.steps.max()))
            self._error = max(self._error, outcome.energy_error_max.max().item())
            if self._tell is not None:
                now, share = outcome.end.time.min().item(), self._done / self._systems
                self._tell(Progress(self._taken, now, share, self._error))
