"""What tasks and flows tell each other: names and numbers, never tensors."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Phase = Literal["collect", "generalize"]


class Report(BaseModel):
    """A frozen message."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(Report):
    """A phase of an epoch, and the commit that it starts from."""

    epoch: int
    """From 1."""
    phase: Phase
    parent: str
    """Key of the commit that the phase starts from."""


class PhaseReport(Report):
    """A phase that was committed."""

    epoch: int
    phase: Phase
    parent: str
    """Key of the commit that the phase started from."""
    commit: str
    """Key of the commit that ended it."""
    rows: int
    """Steps in the store."""
    seconds: float
    numbers: dict[str, float]
    """Finite numbers, named as in the charts."""


class PhaseProgress(Report):
    """How far a phase is; nothing of it is committed yet."""

    epoch: int
    phase: Phase
    percent: float
    """Rough: a phase ends when everything passes, not after a number of steps."""
    text: str


class EpochReport(Report):
    """Both phases of an epoch."""

    collect: PhaseReport
    generalize: PhaseReport


class EvaluationReport(Report):
    """How the finished model compares, as Markdown tables."""

    known: str
    """Case by case, for the cases that ship with the package."""
    unseen: str
    """Over systems drawn from the trained range; empty if none were asked for."""

    def markdown(self) -> str:
        """Both tables with their headings."""
        tables = {"Known cases": self.known, "Never trained on": self.unseen}
        return "\n".join(f"## {title}\n\n{table}\n" for title, table in tables.items() if table)


class TrainingReport(Report):
    """What one flow run did for a run."""

    name: str
    resumed_from: int
    """First epoch that was not complete before."""
    epochs_run: int
    dataset: str
    """Identity of what is recorded."""
    mlflow_run_id: str
    model_version: str
    evaluation: EvaluationReport
