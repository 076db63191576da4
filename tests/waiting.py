"""Waiting for conditions: generous, since tests run on slow and busy machines too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 300.0  # for what shall happen
NEVER_S = 600.0  # a time limit that shall not be reached: waiting for it is a failure


def wait_until(condition: Callable[[], object], *, every_s: float = 0.01) -> None:
    """Wait until something is so, and fail when it does not become so."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, "this did not happen"
        time.sleep(every_s)


def settled(count: Callable[[], int], *, still_s: float = 0.3) -> int:
    """Return a number that has stopped changing: it stayed as it is for some time, seconds."""
    seen, since_s = count(), time.monotonic()

    def is_still() -> bool:
        nonlocal seen, since_s
        if (now := count()) != seen:
            seen, since_s = now, time.monotonic()
        return time.monotonic() - since_s >= still_s

    wait_until(is_still)
    return seen
