"""Room for one thing, the newest."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

_T = TypeVar("_T")


class LatestValue(Generic[_T]):
    """Hands the newest thing from one thread to another; what was never taken is counted.

    >>> slot = LatestValue[int]()
    >>> slot.put(1), slot.put(2), slot.take(timeout_s=0), slot.take(timeout_s=0), slot.dropped
    (None, None, 2, None, 1)
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: _T | None = None
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many things were replaced before anybody took them."""
        return self._dropped

    def put(self, item: _T, *, patience_s: float = 0.0) -> None:
        """Put a thing in, in place of the one that waits.

        Args:
            item: The thing.
            patience_s: How long to wait for the one before to be taken, seconds.
        """
        with self._changed:
            if patience_s:
                self._changed.wait_for(lambda: self._item is None, patience_s)
            self._dropped += self._item is not None
            self._item = item
            self._changed.notify_all()

    def take(self, *, timeout_s: float) -> _T | None:
        """Take the newest thing; None when none came in time."""
        with self._changed:
            if self._item is None:
                self._changed.wait(timeout_s)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def clear(self) -> None:
        """Throw away what waits, without counting it."""
        with self._changed:
            self._item = None
