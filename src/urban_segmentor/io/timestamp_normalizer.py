"""Time stamps of decoded frames, made to grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

_SET_BACK_S = 0.5  # less is jitter of a clock, more is another clock


class TimestampNormalizer:
    """Turns the time stamps of a stream into ticks after its first frame.

    An encoder takes no two frames at one time, so what does not grow is moved: frames without a
    time stamp, or with the one before, follow the last one, and a clock that is set back, as where
    recordings were joined, goes on from there.

    Args:
        time_base: One tick, seconds.
        rate: Mean frame rate, for frames that have no time.
    """

    def __init__(self, *, time_base: Fraction, rate: Fraction) -> None:
        self._step = max(round(1 / (rate * time_base)), 1)
        self._set_back = max(round(_SET_BACK_S / time_base), 2 * self._step)
        self._zero: int | None = None
        self._last: int | None = None
        self.first_pts: int | None = None

    def ticks(self, pts: int | None) -> int:
        """Return the time of the next frame, in ticks; more than that of the frame before.

        Args:
            pts: What the stream says, or None.

        >>> from fractions import Fraction
        >>> clock = TimestampNormalizer(time_base=Fraction(1, 1000), rate=Fraction(25))
        >>> [clock.ticks(pts) for pts in (5000, 5040, 5040, None, 100, 140)]
        [0, 40, 41, 81, 121, 161]
        """
        following = 0 if self._last is None else self._last + self._step
        if pts is None:
            self._last = following
            return following
        if self._zero is None:
            self._zero = pts - following
            self.first_pts = self._zero
        time = pts - self._zero
        if self._last is not None and time <= self._last:
            if self._last - time >= self._set_back:
                self._zero, time = pts - following, following
            else:
                time = self._last + 1
        self._last = time
        return time
