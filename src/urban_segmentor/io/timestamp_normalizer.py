"""Strictly increasing time stamps for decoded frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

_MAX_BACKWARD_S = 0.5  # less is jitter of a clock, more is another clock


class TimestampNormalizer:
    """Maps the pts of a stream to strictly increasing ticks after its first frame.

    An encoder takes no two frames with one pts. A frame without pts follows the one before by one
    frame interval, a repeated pts is moved up by one tick, and a clock that is set back, as where
    recordings were joined, continues from the last frame.

    Args:
        time_base: One tick, seconds.
        rate: Mean frame rate, for frames that have no time.
    """

    def __init__(self, *, time_base: Fraction, rate: Fraction) -> None:
        self._step = max(round(1 / (rate * time_base)), 1)
        self._max_backward_ticks = max(round(_MAX_BACKWARD_S / time_base), 2 * self._step)
        self._origin_pts: int | None = None
        self._last: int | None = None
        self.first_pts: int | None = None

    def ticks(self, pts: int | None) -> int:
        """Return the time of the next frame, in ticks; more than that of the frame before.

        Args:
            pts: Pts of the frame in the stream, or None.

        >>> from fractions import Fraction
        >>> clock = TimestampNormalizer(time_base=Fraction(1, 1000), rate=Fraction(25))
        >>> [clock.ticks(pts) for pts in (5000, 5040, 5040, None, 100, 140)]
        [0, 40, 41, 81, 121, 161]
        """
        following = 0 if self._last is None else self._last + self._step
        if pts is None:
            self._last = following
            return following
        if self._origin_pts is None:
            self._origin_pts = pts - following
            self.first_pts = self._origin_pts
        time = pts - self._origin_pts
        if self._last is not None and time <= self._last:
            if self._last - time >= self._max_backward_ticks:
                self._origin_pts, time = pts - following, following
            else:
                time = self._last + 1
        self._last = time
        return time
