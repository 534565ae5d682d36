"""Where a run keeps its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError


def artifacts() -> Path:
    """The folder of everything that runs leave behind; AITIMESTEPPER_ARTIFACTS moves it."""
    return Path(os.environ.get("AITIMESTEPPER_ARTIFACTS") or "artifacts").absolute()


def check_folder(folder: Path) -> None:
    """Refuse a folder that is a file or would lie in one.

    Raises:
        UserError: Names the file.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir():
        raise UserError(
            f"{there} is a file, and runs lie in folders; move it away, or set "
            "AITIMESTEPPER_ARTIFACTS to another folder."
        )


def tracking_uri() -> str:
    """MLflow's address: MLFLOW_TRACKING_URI, or the embedded store among the artifacts."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{artifacts()}/mlflow/mlflow.db"


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    name: str

    @property
    def path(self) -> Path:
        """The folder itself."""
        return artifacts() / "runs" / self.name

    @property
    def store(self) -> Path:
        """The accepted transitions."""
        return self.path / "trajectory.zarr"

    @property
    def checkpoints(self) -> Path:
        """Training states, named by the store's commit."""
        return self.path / "checkpoints"

    @property
    def results(self) -> Path:
        """Task results persisted by Prefect."""
        return self.path / "results"

    @property
    def report(self) -> Path:
        """Evaluation tables and figures."""
        return self.path / "report"
