"""A training run as MLflow keeps it: metrics by epoch, inputs, files, tables and its model."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .datasets import dataset_input
from .failures import reported
from .tables import table_text

if TYPE_CHECKING:
    import numpy as np
    from mlflow import MlflowClient
    from torch import nn

DATASET = "aitimestepper.dataset"


@dataclass(frozen=True)
class TrackedRun:
    """A handle on one MLflow run; every method may raise `TrackingUnavailable`."""

    uri: str
    run_id: str
    experiment_id: str
    client: MlflowClient = field(repr=False)

    def page(self, base: str) -> str:
        """Address of the run's web page on the MLflow server at `base`."""
        return f"{base.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{self.run_id}"

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of one epoch in one call.

        Raises:
            ValueError: a metric is NaN or infinite; nothing is recorded.
        """
        from mlflow.entities import Metric

        broken = {key: value for key, value in metrics.items() if not math.isfinite(value)}
        if broken:
            raise ValueError(f"Metrics of epoch {epoch} must be finite numbers, got {broken}")
        now = time.time_ns() // 1_000_000
        batch = [Metric(key, float(value), now, epoch) for key, value in metrics.items()]
        with reported(self.uri):
            self.client.log_batch(self.run_id, metrics=batch)

    @property
    def logged_epoch(self) -> int:
        """Last epoch that MLflow knows, -1 when there is none: deliver from the next one on."""
        with reported(self.uri):
            latest = self.client.get_run(self.run_id).data.to_proto().metrics
        steps = (metric.step for metric in latest if not metric.key.startswith("system/"))
        return max(steps, default=-1)

    def set_tag(self, key: str, value: str) -> None:
        """Set one tag of the run."""
        with reported(self.uri):
            self.client.set_tag(self.run_id, key, value)

    def set_note(self, markdown: str) -> None:
        """Set the description at the top of the run's page."""
        self.set_tag("mlflow.note.content", markdown)

    def log_dataset(
        self,
        identity: str,
        *,
        path: Path | str,
        rows: int,
        orbits: int,
        bodies: int,
        dimensions: int,
    ) -> None:
        """Show the trajectory store as an input of the run; a tag holds the whole identity.

        Arguments:
            identity: `uuid@rows:sha256` of the committed rows.
            path: Where the store lies.
            rows: Committed steps T.
            orbits: Systems B that advance together.
            bodies: Bodies N of each.
            dimensions: Dimensions D of space.
        """
        size = {"rows": rows, "orbits": orbits, "bodies": bodies, "dimensions": dimensions}
        with reported(self.uri):
            self.client.log_inputs(self.run_id, datasets=[dataset_input(identity, path, **size)])
        self.set_tag(DATASET, identity)

    def log_file(self, path: Path | str, folder: str | None = None) -> None:
        """Attach a file, replacing one of the same name in `folder`."""
        if not Path(path).is_file():
            raise FileNotFoundError(f"There is no file {path} to attach to the run")
        with reported(self.uri):
            self.client.log_artifact(self.run_id, str(path), artifact_path=folder)

    def log_text(self, text: str, file: str) -> None:
        """Attach a text as `file`, replacing one of the same name."""
        with reported(self.uri):
            self.client.log_text(self.run_id, text, file)

    def log_table(self, rows: Sequence[Mapping[str, object]], file: str) -> None:
        """Attach a table that the web page shows as one, replacing one of the same name.

        MLflow's own `log_table` appends, so a resumed run would say everything twice.

        Arguments:
            rows: Rows by column name; NaN, infinity and missing values become empty cells.
            file: Name of the attached file, which ends in `.json`.
        """
        self.log_text(table_text(rows), file)
        entry = {"path": file, "type": "table"}
        with reported(self.uri):
            tags = self.client.get_run(self.run_id).data.tags
        shown = json.loads(tags.get("mlflow.loggedArtifacts", "[]"))
        if entry not in shown:
            self.set_tag("mlflow.loggedArtifacts", json.dumps([*shown, entry]))

    def log_model(
        self,
        module: nn.Module,
        example: np.ndarray,
        *,
        name: str,
        checkpoint: Path,
        identity: str,
        metadata: Mapping[str, object],
        aliases: Sequence[str] = ("current",),
    ) -> str:
        """Log the model, register it and return its version.

        Arguments:
            module: Maps bodies with shape (B, N, 1 + 2 D) to dt with shape (B,); exported whole,
                so that nothing of this package is needed to use it.
            example: Float64 bodies to trace it with: mass, position, velocity of each.
            name: Name of the registered model.
            checkpoint: File that goes with the model.
            identity: `uuid@rows:sha256` of what it was trained on.
            metadata: What else to say of it, on the model and as tags of the version.
            aliases: Words that point at the new version from now on; `latest` needs
                no mention, MLflow has it built in.
        """
        from .models import log_model, register

        with reported(self.uri):
            tags = {DATASET: identity} | {f"aitimestepper.{k}": str(v) for k, v in metadata.items()}
            model = log_model(self, module, example, name, checkpoint, metadata, tags)
            return register(self.client, model, name, tags, aliases)

    @contextmanager
    def system_metrics(self, interval: int = 10) -> Iterator[None]:
        """Chart the use of processor, memory, disk and network while the block runs.

        MLflow's variable `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false` switches it off.

        Arguments:
            interval: Time between two samples [seconds].
        """
        from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING as WANTED

        if WANTED.is_set() and not WANTED.get():
            yield
            return
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        monitor = SystemMetricsMonitor(
            self.run_id, sampling_interval=interval, resume_logging=True, tracking_uri=self.uri
        )
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """End the run; opening it again sets it running again."""
        with reported(self.uri):
            self.client.set_terminated(self.run_id, status)
