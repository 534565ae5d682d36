"""A training from the command line: the flow, with a Prefect server of its own if none is there."""

from __future__ import annotations

from contextlib import ExitStack

from aitimestepper.errors import UserError
from aitimestepper.folders import RunFolder, artifacts, check_folder, tracking_uri
from aitimestepper.settings import RunConfig
from aitimestepper.store.lock import RunLock
from tasks.listeners import Listener, listening
from tasks.reports import TrainingReport
from tasks.resume import check_run

from .embedded import embedded_server
from .served import joined
from .stopping import stopped_by_sigterm


class PrefectWentAway(UserError):
    """The Prefect server of a training that runs does not answer any more."""


def train(
    config: RunConfig, *, listener: Listener | None = None, verbose: bool = False
) -> TrainingReport:
    """Run the flow `two-phase-training` in this process.

    Arguments:
        config: Settings of the run.
        listener: Told how far every phase is, and what it committed.
        verbose: Show Prefect's own log in the terminal.

    Raises:
        UserError: Something the user can mend; its text says what.
        KeyboardInterrupt: Ctrl-C or SIGTERM; its text says how to go on.
    """
    check(config)
    with ExitStack() as stack:
        stack.enter_context(stopped_by_sigterm())
        stack.enter_context(joined(artifacts()))
        server = stack.enter_context(embedded_server(artifacts() / "prefect"))
        if server.process is None:
            server.wait()  # before seconds of imports, since it either answers at once or is away
        # seconds of imports while our own server starts
        import httpx

        from .draining import draining
        from .terminal import quiet_console
        from .training import two_phase_training

        _prepare(config)
        if not verbose:
            quiet_console()
        if listener:
            stack.enter_context(listening(listener))
        server.wait()
        stack.enter_context(draining())
        try:
            return two_phase_training(**dict(config))
        except httpx.TransportError as error:
            raise PrefectWentAway(
                f"Prefect at {server.address} stopped answering ({type(error).__name__}); run "
                f'"{config.name}" stands at its last commit, so see that Prefect is served again '
                "and type the same command."
            ) from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f'Stopped; run "{config.name}" stands at its last commit. '
                "Type the same command again to go on."
            ) from None


def _prepare(config: RunConfig) -> None:
    """Do now what takes seconds before the first step, or for a run that goes on soon after it."""
    import torch._dynamo  # the first optimiser imports it  # noqa: F401

    if not RunFolder(config.name).store.exists():
        from aitimestepper.tracking.client import connect

        connect(tracking_uri())


def check(config: RunConfig) -> None:
    """Refuse what would fail later, before anything is started or shown.

    Raises:
        UserError: The run cannot lie there, is being trained, or cannot go on with these settings,
            or this machine has no such device.
    """
    folder = RunFolder(config.name).path
    check_folder(folder)
    if folder.exists():
        with RunLock(folder):
            check_run(config)
    if config.device == "cuda":  # any other is there, and asking takes the import of torch
        from aitimestepper.build import device_of

        device_of(config.device)
