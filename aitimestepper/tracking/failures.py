"""What can go wrong between a run and its tracking server, in words that the user can act on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from ..errors import UserError

_MAY_PASS = {429, 502, 503, 504}
_NETWORK = {"requests", "urllib3", "botocore", "boto3"}


class TrackingError(UserError):
    """MLflow refused what it was asked; asking again will not help."""


class TrackingUnavailable(TrackingError):
    """MLflow cannot be reached or written now; the same call may succeed later."""


def without_password(uri: str) -> str:
    """The address as it may be shown: user and password cut out."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


@contextmanager
def reported(uri: str) -> Iterator[None]:
    """Turn the failures of MLflow inside the block into a `TrackingError`.

    Raises:
        TrackingUnavailable: the server, its database or its artifact store is away.
        TrackingError: MLflow answered, and the answer was no.
    """
    from mlflow.exceptions import MlflowException

    being_handled = sys.exc_info()[1]
    try:
        yield
    except Exception as error:
        chain = list(_chain(error, being_handled))
        if any(map(_may_pass, chain)):
            raise TrackingUnavailable(
                f"The MLflow store {without_password(uri)} cannot be reached or written "
                f"({_reason(chain[-1])}): start it again, or give the address of one that runs."
            ) from None
        if isinstance(error, MlflowException):
            raise TrackingError(
                f"The MLflow store {without_password(uri)} refused: {_reason(error).rstrip('.')}; "
                "ask for something that it has, or set MLFLOW_TRACKING_URI to another store."
            ) from None
        raise


def _chain(error: BaseException, end: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, but not what the caller was handling before."""
    link: BaseException | None = error
    while link is not None and link is not end:
        yield link
        link = link.__cause__ or link.__context__


def _may_pass(error: BaseException) -> bool:
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException) and error.get_http_status_code() in _MAY_PASS:
        return True
    if type(error).__module__.partition(".")[0] in _NETWORK:
        return True
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)


def _reason(error: BaseException) -> str:
    from mlflow.exceptions import MlflowException

    text = (str(error).strip().splitlines() or [""])[0][:200]
    return text if isinstance(error, MlflowException) else f"{type(error).__name__}: {text}"
