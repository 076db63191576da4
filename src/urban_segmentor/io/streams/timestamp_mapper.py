"""Frame times from the pts of a stream, or from the clock where the pts jump."""

from __future__ import annotations

import math

_MAX_BACKWARD_S = 0.5  # a pts that is set back less is out of order, more is another clock
_MAX_FORWARD_S = 10.0  # a pts that runs ahead of the clock by more is another clock
_MIN_STEP_S = 0.001  # no two frames have the same time


class TimestampMapper:
    """Maps the pts of a stream to seconds after its first frame, across reconnections.

    >>> mapper = TimestampMapper()
    >>> [mapper.time_s(pts_s, arrived_s=at) for pts_s, at in ((50.0, 7.0), (50.5, 7.6))]
    [0.0, 0.5]
    >>> mapper.reset_origin()
    >>> [mapper.time_s(pts_s, arrived_s=at) for pts_s, at in ((2.0, 10.6), (2.25, 10.9))]
    [3.5, 3.75]
    """

    def __init__(self) -> None:
        self._origin_s: float | None = None  # the pts of time 0
        self._last_s = -math.inf
        self._arrived_s = 0.0

    def time_s(self, pts_s: float | None, *, arrived_s: float) -> float:
        """Return the time of the next frame, seconds; more than that of the frame before.

        Args:
            pts_s: Pts of the frame, seconds, or None.
            arrived_s: Arrival time by `time.monotonic`, seconds.
        """
        gap_s = max(arrived_s - self._arrived_s, 0.0)
        by_clock_s = 0.0 if math.isinf(self._last_s) else self._last_s + gap_s
        time_s = by_clock_s
        if pts_s is not None and self._origin_s is not None:
            time_s = pts_s - self._origin_s
            if not self._last_s - _MAX_BACKWARD_S < time_s < by_clock_s + _MAX_FORWARD_S:
                self._origin_s, time_s = None, by_clock_s
        time_s = max(time_s, self._last_s + _MIN_STEP_S)
        if pts_s is not None and self._origin_s is None:
            self._origin_s = pts_s - time_s
        self._last_s, self._arrived_s = time_s, arrived_s
        return time_s

    def reset_origin(self) -> None:
        """Forget the pts origin: the next connection has another clock."""
        self._origin_s = None


class PlaybackClock:
    """Computes when a frame of a recording is due.

    A source that is late by more than `max_late_s` gets a new origin, and is on time again.

    >>> pacer = PlaybackClock()
    >>> pacer.due_s(0.0, now_s=100.0), pacer.due_s(0.5, now_s=100.1), pacer.due_s(1.0, now_s=103.0)
    (100.0, 100.5, 103.0)
    >>> pacer.shift(10.0); pacer.due_s(1.5, now_s=104.0)
    113.5
    """

    def __init__(self, *, max_late_s: float = 0.5) -> None:
        self._max_late_s = max_late_s
        self._origin_s: float | None = None

    def due_s(self, time_s: float, *, now_s: float) -> float:
        """Return the due time of a frame by the clock of `now_s`, seconds."""
        if self._origin_s is None or now_s - (self._origin_s + time_s) > self._max_late_s:
            self._origin_s = now_s - time_s
        return self._origin_s + time_s

    def shift(self, seconds: float) -> None:
        """Delay all due times, after a pause."""
        if self._origin_s is not None:
            self._origin_s += seconds
