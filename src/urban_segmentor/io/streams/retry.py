"""Timeouts and reconnection delays of live sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Timeouts and reconnection delays, seconds.

    Attributes:
        open_timeout_s: Maximum wait for a connection, and again for its first frame.
        read_timeout_s: Maximum wait for the next frame, before the source counts as lost.
        hls_timeout_s: The same for HLS, which sends whole segments with pauses between.
        base_delay_s: Delay before the first retry.
        max_delay_s: Maximum delay before a retry.
        reset_after_s: Length of a connection after which the delay is `base_delay_s` again.
    """

    open_timeout_s: float = 10.0
    read_timeout_s: float = 5.0
    hls_timeout_s: float = 20.0
    base_delay_s: float = 1.0
    max_delay_s: float = 30.0
    reset_after_s: float = 5.0


class Backoff:
    """Exponential backoff: the delay doubles from retry to retry.

    >>> backoff = Backoff(RetryPolicy())
    >>> [backoff.next_s() for _ in range(7)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    >>> backoff.reset_after_success(1.0); backoff.next_s()
    30.0
    >>> backoff.reset_after_success(5.0); backoff.next_s()
    1.0
    """

    def __init__(self, retry: RetryPolicy) -> None:
        self._retry = retry
        self._next_s = retry.base_delay_s

    def next_s(self) -> float:
        """Return the delay before the next retry, seconds, and double it."""
        wait_s = min(self._next_s, self._retry.max_delay_s)
        self._next_s = min(2 * wait_s, self._retry.max_delay_s)
        return wait_s

    def reset_after_success(self, seconds: float) -> None:
        """Reset the delay when a connection lasted `reset_after_s` or longer."""
        if seconds >= self._retry.reset_after_s:
            self._next_s = self._retry.base_delay_s
