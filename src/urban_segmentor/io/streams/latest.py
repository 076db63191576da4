"""A queue of length one that keeps the latest value."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

_T = TypeVar("_T")


class LatestValue(Generic[_T]):
    """A thread-safe queue of length one: a new value replaces the old one, which counts as dropped.

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
        """Number of values that were replaced before they were taken."""
        return self._dropped

    def put(self, item: _T, *, timeout_s: float = 0.0) -> None:
        """Put a value, replacing the one that waits.

        Args:
            item: The value.
            timeout_s: Maximum wait for the previous value to be taken, seconds.
        """
        with self._changed:
            if timeout_s:
                self._changed.wait_for(lambda: self._item is None, timeout_s)
            self._dropped += self._item is not None
            self._item = item
            self._changed.notify_all()

    def take(self, *, timeout_s: float) -> _T | None:
        """Take the latest value; None when none came in time."""
        with self._changed:
            if self._item is None:
                self._changed.wait(timeout_s)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def clear(self) -> None:
        """Discard the waiting value, without counting it."""
        with self._changed:
            self._item = None
