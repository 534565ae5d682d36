"""A pause that was asked for on the page of a training, obeyed in the middle of a phase.

What the phase did since the last commit is given up; resumed, it begins there again and comes to
the same bits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Pause, PrefectException

from .throttle import Throttle

_log = logging.getLogger("aitimestepper.session")
_EVERY = 2.0
_OBEYED: dict[str, Requests] = {}


class Requests:
    """Looks from time to time whether somebody wants a flow run to pause.

    Arguments:
        client: Client of the server that knows the run.
        run: Id of the flow run.
    """

    def __init__(self, client: SyncPrefectClient, run: UUID) -> None:
        self._client, self._run = client, run
        self._is_due = Throttle(_EVERY, _EVERY)

    def obey(self) -> None:
        """Wait while the run is paused.

        Raises:
            Pause: The run is suspended; it is to leave its process, and is scheduled again later.
        """
        if not self._is_due():
            return
        state = self._state()
        while state is not None and state.is_paused():
            if state.state_details.pause_reschedule:
                _log.info("suspended at the last commit")
                raise Pause(state=state)
            time.sleep(_EVERY)
            state = self._state()

    def _state(self) -> State | None:
        """The state, or None while the server is away: that is no reason to stop."""
        try:
            return self._client.read_flow_run(self._run).state
        except (httpx.HTTPError, PrefectException):
            return None


@contextmanager
def pausing(name: str, run: str, deployed: bool) -> Iterator[None]:
    """Let the phases of a training obey the page of its flow run during the block.

    Arguments:
        name: Name of the training.
        run: Id of its flow run.
        deployed: Whether it has a deployment; Prefect suspends no others.
    """
    if not deployed:
        yield
        return
    with get_client(sync_client=True) as client:
        _OBEYED[name] = Requests(client, UUID(run))
        try:
            yield
        finally:
            del _OBEYED[name]


def obey(name: str) -> None:
    """Pause here if the page of the training asks for it; see `Requests.obey`."""
    if name in _OBEYED:
        _OBEYED[name].obey()
