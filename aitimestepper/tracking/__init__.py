"""MLflow: runs, metrics by epoch, data set inputs, registered models; imported only when used."""

from .addresses import fetch_checkpoint
from .failures import TrackingError, TrackingUnavailable
from .runs import TrackedRun, open_run

__all__ = ["TrackedRun", "TrackingError", "TrackingUnavailable", "fetch_checkpoint", "open_run"]
