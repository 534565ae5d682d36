"""Which failures of a task may pass by themselves."""

from __future__ import annotations

import errno
from typing import Any

from aitimestepper.errors import UserError
from aitimestepper.store.errors import StoreError
from aitimestepper.tracking import TrackingUnavailable

_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EINTR, errno.EAGAIN, errno.ESTALE}


def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Whether to try a failed task again: not where the user has to mend something first."""
    try:
        state.result()
    except TrackingUnavailable:
        return True
    except StoreError as error:
        return isinstance(error.__cause__, OSError) and error.__cause__.errno in _PASSING
    except UserError:
        return False
    except OSError:
        return True
    except Exception:  # noqa: BLE001  whatever else it is, a second try would only repeat it
        return False
    return False


RETRIED: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [5, 30],
    "retry_condition_fn": may_pass,
}
