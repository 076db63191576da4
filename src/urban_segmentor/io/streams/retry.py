"""How long to wait: for answers, and before the next try."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Patience with a source, seconds.

    Attributes:
        open_s: For a connection, and again for its first pictures.
        read_s: For the next picture, before the source counts as lost.
        segment_s: The same for HLS, which sends many pictures at once, and then none for a while.
        base_s: Before the first new try.
        cap_s: Before any new try, at most.
        steady_s: So long must pictures come before the waiting begins anew at `base_s`.
    """

    open_s: float = 10.0
    read_s: float = 5.0
    segment_s: float = 20.0
    base_s: float = 1.0
    cap_s: float = 30.0
    steady_s: float = 5.0


class Backoff:
    """Doubles the wait from try to try.

    >>> backoff = Backoff(RetryPolicy())
    >>> [backoff.next_s() for _ in range(7)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    >>> backoff.lived(1.0); backoff.next_s()
    30.0
    >>> backoff.lived(5.0); backoff.next_s()
    1.0
    """

    def __init__(self, timing: RetryPolicy) -> None:
        self._timing = timing
        self._next_s = timing.base_s

    def next_s(self) -> float:
        """Return how long to wait now, seconds; twice as long the next time."""
        wait_s = min(self._next_s, self._timing.cap_s)
        self._next_s = min(2 * wait_s, self._timing.cap_s)
        return wait_s

    def lived(self, seconds: float) -> None:
        """Tell how long pictures came; after a good while the waiting begins anew."""
        if seconds >= self._timing.steady_s:
            self._next_s = self._timing.base_s
