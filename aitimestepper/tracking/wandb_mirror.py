"""A copy of a run's charts on Weights & Biases, for those who look there; MLflow stays the record.

Off unless AITIMESTEPPER_WANDB names a project. Whatever fails here costs a warning, never a run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aitimestepper.errors import UserError
from aitimestepper.folders import artifacts

from .run import TrackedRun

if TYPE_CHECKING:
    from wandb import Run

PROJECT = "AITIMESTEPPER_WANDB"
_log = logging.getLogger("aitimestepper.tracking")


@dataclass(frozen=True)
class MirroredRun(TrackedRun):
    """A run in MLflow that tells a second one what MLflow was told."""

    mirror: Run = field(repr=False)

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of one epoch in both places."""
        super().log_epoch(epoch, metrics)
        _tried(lambda: self.mirror.log({**metrics, "epoch": epoch}, step=epoch))

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """End the run in both places; the one that can be away last."""
        _tried(lambda: self.mirror.finish(exit_code=0 if status == "FINISHED" else 1))
        super().finish(status)


def mirrored(run: TrackedRun, name: str, parameters: Mapping[str, Any]) -> TrackedRun:
    """The run with its mirror, if one is wanted and can be had.

    Arguments:
        run: The run in MLflow, whose id the mirror takes over, so that a resumed run goes on.
        name: Name of the training run.
        parameters: Settings by dotted name.

    Raises:
        UserError: A mirror is wanted and the extra `wandb` is not installed.
    """
    project = os.environ.get(PROJECT)
    if not project:
        return run
    try:
        import wandb
    except ImportError:
        raise UserError(
            f"{PROJECT} asks for Weights & Biases, which is not installed; "
            "`pip install aitimestepper[wandb]` brings it, or unset the variable."
        ) from None
    folder = artifacts() / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    mirror = _tried(
        lambda: wandb.init(
            project=project,
            dir=folder,
            id=run.run_id,
            name=name,
            config=dict(parameters),
            resume="allow",
            reinit="create_new",  # trainings in threads have one each
            settings=wandb.Settings(console="off", silent=True, disable_git=True),
        )
    )
    if mirror is None:
        return run
    return MirroredRun(run.uri, run.run_id, run.experiment_id, run.client, mirror=mirror)


def _tried(call: Callable[[], Any]) -> Any:
    """What the call gives, or None and a warning."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001  a mirror that breaks must not break the run
        _log.warning("Weights & Biases is left out: %s", error)
        return None
