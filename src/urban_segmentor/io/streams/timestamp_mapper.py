"""The time of frames: by the stream's own stamps, and by the clock where those break off."""

from __future__ import annotations

import math

_BACK_S = 0.5  # a stamp that is set back less is out of order, more is another clock
_AHEAD_S = 10.0  # a stamp that runs ahead of the clock by more is another clock
_STEP_S = 0.001  # no two frames have one time


class TimestampMapper:
    """Turns the stamps of a stream, over its losses, into seconds after the first frame.

    >>> timeline = TimestampMapper()
    >>> [timeline.time_s(stamp, arrived_s=at) for stamp, at in ((50.0, 7.0), (50.5, 7.6))]
    [0.0, 0.5]
    >>> timeline.lost()
    >>> [timeline.time_s(stamp, arrived_s=at) for stamp, at in ((2.0, 10.6), (2.25, 10.9))]
    [3.5, 3.75]
    """

    def __init__(self) -> None:
        self._zero_s: float | None = None  # the stamp of time 0
        self._last_s = -math.inf
        self._arrived_s = 0.0

    def time_s(self, stamp_s: float | None, *, arrived_s: float) -> float:
        """Return the time of the next frame, seconds; more than that of the frame before.

        Args:
            stamp_s: What the stream says, seconds, or None.
            arrived_s: When it came, by `time.monotonic`, seconds.
        """
        gap_s = max(arrived_s - self._arrived_s, 0.0)
        by_clock_s = 0.0 if math.isinf(self._last_s) else self._last_s + gap_s
        time_s = by_clock_s
        if stamp_s is not None and self._zero_s is not None:
            time_s = stamp_s - self._zero_s
            if not self._last_s - _BACK_S < time_s < by_clock_s + _AHEAD_S:
                self._zero_s, time_s = None, by_clock_s
        time_s = max(time_s, self._last_s + _STEP_S)
        if stamp_s is not None and self._zero_s is None:
            self._zero_s = stamp_s - time_s
        self._last_s, self._arrived_s = time_s, arrived_s
        return time_s

    def lost(self) -> None:
        """Forget the stream's clock: the next connection has another one."""
        self._zero_s = None


class Pacer:
    """Says when a frame of something recorded is due.

    A source that is late by more than `late_s` is shown late from then on, instead of being
    dropped for ever.

    >>> pacer = Pacer()
    >>> pacer.due_s(0.0, now_s=100.0), pacer.due_s(0.5, now_s=100.1), pacer.due_s(1.0, now_s=103.0)
    (100.0, 100.5, 103.0)
    >>> pacer.shift(10.0); pacer.due_s(1.5, now_s=104.0)
    113.5
    """

    def __init__(self, *, late_s: float = 0.5) -> None:
        self._late_s = late_s
        self._zero_s: float | None = None

    def due_s(self, time_s: float, *, now_s: float) -> float:
        """Return when to show a frame, by the clock of `now_s`, seconds."""
        if self._zero_s is None or now_s - (self._zero_s + time_s) > self._late_s:
            self._zero_s = now_s - time_s
        return self._zero_s + time_s

    def shift(self, seconds: float) -> None:
        """Let everything be due later, after a pause."""
        if self._zero_s is not None:
            self._zero_s += seconds
