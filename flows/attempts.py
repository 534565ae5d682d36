"""How often a crashed run may go on by itself."""

from __future__ import annotations

import os

from prefect.runtime import flow_run

from aitimestepper.errors import UserError

LIMIT = "AITIMESTEPPER_MOST_STARTS"
"""Variable: how often one flow run may start, the first time and every retry counted."""

_DEFAULT_LIMIT = "5"


class StartedTooOften(UserError):
    """A run came back again and again; whatever ends it does not pass by itself."""


def most_starts() -> int:
    """The limit.

    Raises:
        UserError: The variable holds no whole number above zero.
    """
    text = os.environ.get(LIMIT, _DEFAULT_LIMIT)
    if not text.isdecimal() or int(text) == 0:
        raise UserError(f'{LIMIT}="{text}" should be a whole number above 0, such as 5.')
    return int(text)


def check_starts(name: str) -> None:
    """Refuse to go on with a flow run that has started too often.

    Raises:
        StartedTooOften: Says how to go on all the same.
    """
    starts, most = flow_run.run_count or 0, most_starts()
    if starts > most:
        raise StartedTooOften(
            f'run "{name}" has started {most} times and ended every time before it was done; '
            "see the log of the last start for why, then deploy it again under the same name, or "
            f"set {LIMIT} above {most}"
        )
