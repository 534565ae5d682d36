"""One process's hold on one run: its lock, its store, its training, its MLflow run."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal
from uuid import uuid4

from aitimestepper.build import build
from aitimestepper.export.bodies import StepFromBodies, bodies_of
from aitimestepper.folders import RunFolder, tracking_uri
from aitimestepper.settings import RunConfig
from aitimestepper.store import checkpoints
from aitimestepper.store.lock import RunLock
from aitimestepper.store.rows import Rows
from aitimestepper.store.trajectory import TrajectoryStore
from aitimestepper.tracking import TrackedRun, TrackingError, open_run

from . import state
from .delivery import Delivery
from .metrics import metrics, parameters
from .phases import OutOfStep, Progress, Work, collecting, generalizing, ignore
from .reports import Phase, PhaseReport, Place
from .resume import began, check_run, nothing_recorded
from .rows import recorded_of

_log = logging.getLogger("aitimestepper.session")
_LIVE: dict[str, Session] = {}

Ending = Literal["FINISHED", "FAILED", "KILLED"]


class Session:
    """A run that this process may write; made by `opened`, which holds the lock.

    Only the store's last commit says where the run stands. A phase that fails leaves the session
    behind that commit, and the next one begins by reading it again. MLflow takes seconds to
    import: a run that goes on has done an epoch before anybody asks for `run`.
    """

    def __init__(self, config: RunConfig, tags: Mapping[str, str]) -> None:
        self.config = config
        self.folder = RunFolder(config.name)
        self._tags = tags
        self._restore()
        self.delivery = Delivery(lambda: self.run, self._saved.waiting)
        if not self.run_id:
            self.delivery.deliver_or_raise()

    def _restore(self) -> None:
        """Everything as the last commit has it."""
        self.training = build(self.config)
        self.store = self._open_store()
        self._saved = self._load_checkpoint()
        self.recorded = recorded_of(self.store.rows_read, self.store.mass, self.training)
        self._behind = False

    def _open_store(self) -> TrajectoryStore:
        system = self.training.orbits.system
        orbits, bodies, dimensions = system.position.shape
        if self.folder.store.exists() and nothing_recorded(self.config.name):
            shutil.rmtree(self.folder.store)
        if not self.folder.store.exists():
            return TrajectoryStore.create(
                self.folder.store,
                system.mass.cpu().numpy(),
                dimensions,
                store_uuid=str(uuid4()),
                attributes={"settings": self.config.model_dump(mode="json")},
            )
        check_run(self.config)
        return TrajectoryStore.open(
            self.folder.store, orbits=orbits, bodies=bodies, dimensions=dimensions
        )

    def _load_checkpoint(self) -> state.Saved:
        commit = self.store.last
        if not commit.checkpoint:
            return state.NOTHING
        path = self.folder.checkpoints / commit.checkpoint
        return state.load(checkpoints.read(path, commit.checkpoint_sha256), self.training)

    @cached_property
    def run(self) -> TrackedRun:
        """The run in MLflow, begun or continued.

        Raises:
            TrackingUnavailable: The server does not answer.
        """
        return open_run(
            tracking_uri(),
            name=self.config.name,
            run_id=self._saved.mlflow_run_id,
            parameters=parameters(self.config),
            tags={"aitimestepper.store": self.store.header.uuid, **self._tags},
        )

    @property
    def tracked(self) -> bool:
        """Whether `run` is at hand."""
        return "run" in self.__dict__

    @property
    def run_id(self) -> str | None:
        """Id in MLflow, as far as it is known without asking there."""
        return self.run.run_id if self.tracked else self._saved.mlflow_run_id

    @property
    def place(self) -> Place:
        """The phase that comes next."""
        last = self.store.last
        if last.phase == "collect":
            return Place(epoch=last.epoch, phase="generalize", parent=last.key)
        return Place(epoch=max(last.epoch, 0) + 1, phase="collect", parent=last.key)

    @property
    def reports(self) -> dict[Phase, PhaseReport]:
        """The phases done in the epoch of the last commit."""
        last, reports = self.store.last, dict(self._saved.reports)
        for phase in reports.keys() & {last.phase}:
            reports[phase] = reports[phase].model_copy(update={"commit": last.key})
        return reports

    def done(self, epoch: int, phase: Phase) -> PhaseReport | None:
        """The report of a phase, if the last commit or the one before it ended it."""
        report = self.reports.get(phase)
        return report if report and report.epoch == epoch else None

    def collect(self, epoch: int, progress: Progress = ignore) -> PhaseReport:
        """Phase 1 of an epoch, committed; done before, it is only reported."""
        return self._perform("collect", epoch, collecting, progress)

    def generalize(self, epoch: int, progress: Progress = ignore) -> PhaseReport:
        """Phase 2 of an epoch, committed; done before, it is only reported."""
        return self._perform("generalize", epoch, generalizing, progress)

    def _perform(self, phase: Phase, epoch: int, work: Work, progress: Progress) -> PhaseReport:
        if self._behind:
            self._restore()
        if done := self.done(epoch, phase):
            return done
        place = self.place
        if (place.epoch, place.phase) != (epoch, phase):
            raise OutOfStep(
                f'run "{self.config.name}" goes on with {place.phase} of epoch {place.epoch}, '
                f"not with {phase} of epoch {epoch}; train it again to continue there"
            )
        self._behind = True
        started = time.monotonic()
        outcome = work(self.training, self.recorded, self.config, epoch, progress)
        report = PhaseReport(
            **place.model_dump(),
            commit="",
            rows=self.store.last.rows + (outcome.rows.steps if outcome.rows else 0),
            seconds=time.monotonic() - started,
            numbers=outcome.numbers,
        )
        self._commit(report, outcome.rows)
        self._behind = False
        return self.reports[phase]

    def _commit(self, report: PhaseReport, rows: Rows | None) -> None:
        """Data and training state in one step; the metrics of the epoch wait for `delivery`."""
        before = self.reports if report.phase == "generalize" else {}
        reports: dict[Phase, PhaseReport] = {**before, report.phase: report}
        if report.phase == "generalize":
            self.delivery.add(report.epoch, metrics(reports))
        saved = state.Saved(reports, self.delivery.waiting, self.run_id)
        name = f"{report.epoch:04d}-{report.phase}.pt"
        content = state.payload(self.config, self.training, saved)
        sha256 = checkpoints.write(self.folder.checkpoints, name, content)
        self.store.commit(
            rows,
            epoch=report.epoch,
            phase=report.phase,
            checkpoint=name,
            checkpoint_sha256=sha256,
        )
        self._saved = saved
        checkpoints.prune(self.folder.checkpoints, keep={name})
        figures = ", ".join(f"{key} {value:.4g}" for key, value in report.numbers.items())
        _log.info("epoch %d %s: %s", report.epoch, report.phase, figures)

    def finish(self) -> None:
        """Deliver everything and name the data set; the run in MLflow is then complete.

        Raises:
            TrackingUnavailable: The server does not answer; nothing is lost.
        """
        self.delivery.deliver_or_raise()
        header = self.store.header
        self.run.log_dataset(
            self.store.identity,
            path=self.folder.store,
            rows=self.store.last.rows,
            orbits=header.orbits,
            bodies=header.bodies,
            dimensions=header.dimensions,
        )

    def register(self) -> str:
        """Log the model as of the last commit, register it, and return its version.

        Raises:
            TrackingUnavailable: The server does not answer.
        """
        header, commit = self.store.header, self.store.last
        return self.run.log_model(
            StepFromBodies(self.training.model),
            bodies_of(self.training.orbits.system),
            name=self.config.name,
            checkpoint=self.folder.checkpoints / commit.checkpoint,
            identity=self.store.identity,
            metadata={
                "epoch": commit.epoch,
                "bodies": header.bodies,
                "dimensions": header.dimensions,
                "features": self.config.features.kind,
                "energy_threshold": self.config.energy_threshold,
            },
        )


@contextlib.contextmanager
def opened(config: RunConfig, tags: Mapping[str, str] | None = None) -> Iterator[Session]:
    """Hold a run: lock, store, training and MLflow run, until the block ends.

    Raises:
        StoreLocked: Another process trains this run.
        SettingsChanged: Going on with these settings would falsify the run.
        StoreError: The store or its checkpoint cannot be used.
        TrackingUnavailable: MLflow does not answer.
    """
    with RunLock(RunFolder(config.name).path):
        session = Session(config, tags or {})
        _LIVE[config.name] = session
        ending: Ending = "FAILED"
        try:
            yield session
            ending = "FINISHED"
        except Exception:
            raise
        except BaseException:
            ending = "KILLED"
            raise
        finally:
            del _LIVE[config.name]
            _end(session, ending)


def _end(session: Session, ending: Ending) -> None:
    if not session.tracked:  # nothing was said there that would need an end
        return
    try:
        session.run.finish(ending)
    except TrackingError as error:
        _log.warning("MLflow does not know that the run ended: %s", error)


@contextlib.contextmanager
def current(name: str) -> Iterator[Session]:
    """The session of a run that this process has open, or one for the length of the block."""
    if name in _LIVE:
        yield _LIVE[name]
        return
    with opened(RunConfig.model_validate(began(name))) as session:
        yield session
