"""Metrics on their way to MLflow: one that could not be delivered waits for the next time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from aitimestepper.tracking import TrackedRun, TrackingUnavailable

_log = logging.getLogger("aitimestepper.tracking")
_PAUSE = 60.0


class Delivery:
    """Metrics by epoch that the tracking server does not have yet.

    The training goes on while the server is away; what waits travels in the checkpoint.

    Arguments:
        run: Gives where the metrics go; called when there is something to deliver.
        waiting: Metrics by epoch that a checkpoint holds; what arrived already is dropped.
    """

    def __init__(
        self, run: Callable[[], TrackedRun], waiting: Mapping[int, Mapping[str, float]]
    ) -> None:
        self._run = run
        self.waiting = {epoch: dict(m) for epoch, m in waiting.items()}
        self._unsure = bool(waiting)
        self._silent_until = 0.0

    def add(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Put the metrics of an epoch in line."""
        self.waiting[epoch] = dict(metrics)

    def deliver(self) -> None:
        """Hand over what waits, oldest first; where the server is away, try again later."""
        if time.monotonic() < self._silent_until:
            return
        try:
            self.deliver_or_raise()
        except TrackingUnavailable as error:
            self._silent_until = time.monotonic() + _PAUSE
            _log.warning("%d epochs of metrics wait: %s", len(self.waiting), error)

    def deliver_or_raise(self) -> None:
        """Hand over what waits.

        Raises:
            TrackingUnavailable: The server does not answer.
        """
        run = self._run()
        if self._unsure:
            arrived = run.logged_epoch
            self.waiting = {epoch: m for epoch, m in self.waiting.items() if epoch > arrived}
            self._unsure = False
        for epoch in sorted(self.waiting):
            run.log_epoch(epoch, self.waiting[epoch])
            del self.waiting[epoch]
