"""Waiting for conditions: generous, since tests run on slow and busy machines too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 300.0


def wait_until(condition: Callable[[], object], *, every_s: float = 0.01) -> None:
    """Wait until something is so, and fail when it does not become so."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, "this did not happen"
        time.sleep(every_s)
