"""Only what may pass by itself is tried again."""

from __future__ import annotations

import errno

import pytest
from prefect.states import Failed

from aitimestepper.errors import UserError
from aitimestepper.store.errors import StoreError
from aitimestepper.tracking import TrackingError, TrackingUnavailable
from tasks.retrying import may_pass


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TrackingUnavailable("away"), True),
        (TrackingError("refused"), False),
        (UserError("settings"), False),
        (caused(StoreError("full"), OSError(errno.ENOSPC, "full")), True),
        (caused(StoreError("read-only"), OSError(errno.EROFS, "read-only")), False),
        (StoreError("not a store"), False),
        (ValueError("a bug"), False),
    ],
    ids=lambda value: str(value),
)
def test_only_what_may_pass_is_tried_again(error, expected):
    assert may_pass(None, None, Failed(data=error, message=str(error))) is expected
