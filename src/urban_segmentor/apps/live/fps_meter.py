"""Frame rate and delay, measured where frames are shown."""

from __future__ import annotations

import threading
from array import array
from collections import deque
from typing import TypedDict

import numpy as np

_WINDOW_S = 1.0
_MOST = 36_000  # delays that are kept, the latest: twenty minutes at 30 frames a second


class DelaySummary(TypedDict):
    """Time from capture to display, milliseconds."""

    p50: float
    p95: float
    max: float


class FpsMeter:
    """Counts frames from display to display, and how old they were; used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, float | None]] = deque()
        self._delays_s: array[float] = array("f")
        self._longest_s = 0.0
        self._first_s = self._last_s = 0.0
        self.frames = 0

    def shown(self, at_s: float, *, captured_s: float | None) -> None:
        """Note that a frame was shown.

        Args:
            at_s: When, by `time.monotonic`, seconds.
            captured_s: When it had arrived, by the same clock; None when nobody knows.
        """
        delay_s = None if captured_s is None else at_s - captured_s
        with self._lock:
            self._first_s = self._first_s if self.frames else at_s
            self._last_s = at_s
            self.frames += 1
            self._recent.append((at_s, delay_s))
            if delay_s is not None:
                self._longest_s = max(self._longest_s, delay_s)
                self._delays_s.append(delay_s)
                if len(self._delays_s) >= 2 * _MOST:
                    del self._delays_s[:_MOST]

    def now(self, at_s: float) -> tuple[float | None, float | None]:
        """Return frames a second and median delay, milliseconds, of the last second.

        Args:
            at_s: The time now, by `time.monotonic`, seconds.

        Returns:
            Both None before two frames were shown; the delay None where it is not known.
        """
        with self._lock:
            while self._recent and self._recent[0][0] < at_s - _WINDOW_S:
                self._recent.popleft()
            times_s = [time_s for time_s, _ in self._recent]
            delays_s = [delay_s for _, delay_s in self._recent if delay_s is not None]
        if len(times_s) < 2 or times_s[-1] == times_s[0]:
            return None, None
        # A source that stops must not keep its last rate until the second is over.
        span_s = max(times_s[-1] - times_s[0], at_s - times_s[0] - 2 * _mean_gap(times_s))
        delay_ms = float(np.median(delays_s)) * 1e3 if delays_s else None
        return (len(times_s) - 1) / span_s, delay_ms

    def rate(self) -> float:
        """Return frames a second over the whole run; 0 before there are two."""
        with self._lock:
            span_s = self._last_s - self._first_s
            return (self.frames - 1) / span_s if span_s > 0 else 0.0

    def delays(self) -> DelaySummary | None:
        """Return the delays of the last frames, and the longest of all; None without frames."""
        with self._lock:
            delays_ms = np.array(self._delays_s, dtype=np.float64) * 1e3
            longest_ms = self._longest_s * 1e3
        if not len(delays_ms):
            return None
        p50, p95 = np.percentile(delays_ms, [50, 95]).tolist()
        return DelaySummary(p50=round(p50, 1), p95=round(p95, 1), max=round(longest_ms, 1))


def _mean_gap(times_s: list[float]) -> float:
    return (times_s[-1] - times_s[0]) / (len(times_s) - 1)
