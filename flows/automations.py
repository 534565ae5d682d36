"""Automations of the Prefect server that carry a deployed run on when its process dies."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import (
    Automation,
    AutomationCore,
    EventTrigger,
    Posture,
    ResourceSpecificationDict,
)
from prefect.events.schemas.events import ResourceSpecification

from aitimestepper.errors import UserError

SILENCE = "AITIMESTEPPER_SILENCE_SECONDS"
"""Variable: a run that has sent no heartbeat for so long [seconds] counts as crashed."""

_DEFAULT_SILENCE = 90.0  # three heartbeats, as whoever starts the runs must set them
_SHORTEST = timedelta(seconds=10)  # Prefect's own limit for what waits for events
_FLOW_RUN = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
_HEARTBEAT = "prefect.flow-run.heartbeat"
# AwaitingRetry, which follows a crash, and not Crashed: where one event concerns both automations,
# the second finds the SQLite database locked by the first, the server handles the event again, and
# a run that crashed once is scheduled up to four times
_ENDS = ("Completed", "Failed", "Cancelled", "AwaitingRetry", "Suspended", "Paused")


Related = ResourceSpecification | ResourceSpecificationDict


def silence() -> timedelta:
    """How long a run may be silent.

    Raises:
        UserError: The variable holds no number of seconds from 10 on.
    """
    text = os.environ.get(SILENCE, str(_DEFAULT_SILENCE))
    try:
        found = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        found = timedelta(0)
    if found < _SHORTEST:
        raise UserError(
            f'{SILENCE}="{text}" should be a number of seconds from 10 on, such as its default 90.'
        )
    return found


def automations(flows: list[str]) -> list[AutomationCore]:
    """What the server should do about deployed runs of flows that vanish.

    Arguments:
        flows: Names of the flows; runs that no deployment started are left alone, since only
            whoever typed the command can start it again.
    """
    ours: list[Related] = [
        ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": [*flows]}),
        ResourceSpecification(
            {"prefect.resource.role": "deployment", "prefect.resource.id": "prefect.deployment.*"}
        ),
    ]
    return [_silent_to_crashed(ours), _crashed_to_retry(ours)]


def _silent_to_crashed(ours: list[Related]) -> AutomationCore:
    trigger = EventTrigger(
        posture=Posture.Proactive,
        after={_HEARTBEAT},
        expect={_HEARTBEAT, *(f"prefect.flow-run.{state}" for state in _ENDS)},
        match=_FLOW_RUN,
        match_related=ours,
        for_each={"prefect.resource.id"},
        threshold=1,
        within=silence(),
    )
    crash = ChangeFlowRunState(
        name=None,
        state=StateType.CRASHED,
        message="No heartbeat: the process or its machine has ended.",
        force=False,
    )
    return AutomationCore(
        name="aitimestepper: a silent run has crashed",
        description="A run whose heartbeat stops has no process any more.",
        trigger=trigger,
        actions=[crash],
    )


def _crashed_to_retry(ours: list[Related]) -> AutomationCore:
    trigger = EventTrigger(
        posture=Posture.Reactive,
        expect={"prefect.flow-run.Crashed"},
        match=_FLOW_RUN,
        match_related=ours,
        for_each={"prefect.resource.id"},
        threshold=1,
    )
    retry = ChangeFlowRunState(
        state=StateType.SCHEDULED,
        name="AwaitingRetry",
        message="It crashed, and goes on from its last commit.",
        force=True,
    )
    return AutomationCore(
        name="aitimestepper: a crashed run goes on",
        description="A deployed run that crashed is scheduled again under its own id.",
        trigger=trigger,
        actions=[retry],
    )


def install(flows: list[str]) -> list[str]:
    """Make the server at PREFECT_API_URL hold exactly one of each, as it should be now.

    Returns:
        Their names.
    """
    wanted = automations(flows)
    with get_client(sync_client=True) as client:
        for automation in wanted:
            _put(client, automation)
    return [automation.name for automation in wanted]


def _put(client: SyncPrefectClient, automation: AutomationCore) -> None:
    present: list[Automation] = client.read_automations_by_name(automation.name)
    for extra in present[1:]:
        client.delete_automation(extra.id)
    if not present:
        client.create_automation(automation)
    elif _told(present[0]) != _told(automation):  # an update forgets who was silent since when
        client.update_automation(present[0].id, automation)


def _told(automation: AutomationCore) -> dict[str, Any]:
    return automation.model_dump(mode="json", include={"enabled", "trigger", "actions"})
