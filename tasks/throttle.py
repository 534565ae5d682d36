"""What may happen once, and again only after a while."""

from __future__ import annotations

import time


class Throttle:
    """Says yes once, and again only after a while.

    Arguments:
        first: Seconds until the first yes.
        every: Seconds between one yes and the next.
    """

    def __init__(self, first: float, every: float) -> None:
        self._due, self._every = time.monotonic() + first, every

    def __call__(self) -> bool:
        """Whether it is time again."""
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + self._every
        return True
