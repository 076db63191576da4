"""How long stages take, and how fast frames follow each other."""

from __future__ import annotations

import threading
import time
from array import array
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence

    from numpy.typing import NDArray

STAGES = (
    *("decode", "preprocess", "infer", "postprocess"),
    *("masks", "merge", "stages", "draw", "show", "encode", "write"),
)
_WINDOW_S = 1.0
_MAX_DELAYS = 36_000  # the latest: twenty minutes at 30 frames a second


class StageSummary(TypedDict):
    """Median, 95th percentile and share of a stage, milliseconds per frame."""

    p50_ms: float
    p95_ms: float
    share: float


class DelaySummary(TypedDict):
    """Time from capture to display, milliseconds."""

    p50: float
    p95: float
    max: float


class Stopwatch:
    """Measures the stages of one frame, each from the end of the one before.

    Attributes:
        milliseconds: Of each stage so far.
    """

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._since_s = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage; the next one begins."""
        now_s = time.perf_counter()
        self.milliseconds[stage] = 1e3 * (now_s - self._since_s)
        self._since_s = now_s


class StageTimes:
    """Collects stage durations from several threads, as float32.

    Args:
        max_kept: About how many of each stage to keep, the latest; None for all. What runs for days
            must not grow.
    """

    def __init__(self, *, max_kept: int | None = None) -> None:
        self._lock = threading.Lock()
        self._max_kept = max_kept
        self._times_s: dict[str, array[float]] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Add the duration of a stage for one frame."""
        with self._lock:
            times_s = self._times_s.setdefault(stage, array("f"))
            times_s.append(seconds)
            if self._max_kept is not None and len(times_s) >= 2 * self._max_kept:
                del times_s[: self._max_kept]

    def add_frame(self, milliseconds: Mapping[str, float]) -> None:
        """Add the durations of the stages of one frame, milliseconds."""
        for stage, duration_ms in milliseconds.items():
            self.add(stage, duration_ms / 1e3)

    def latest(self, count: int) -> dict[str, float]:
        """Return the median of the latest durations by stage, milliseconds.

        Args:
            count: Number of durations.
        """
        with self._lock:
            times = {stage: values[-count:] for stage, values in self._times_s.items()}
        return {stage: round(float(np.median(times[stage])) * 1e3, 2) for stage in _in_order(times)}

    @contextmanager
    def measure(self, stage: str) -> Generator[None]:
        """Add the duration of the body, unless it raises."""
        since = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - since)

    def summary(self) -> dict[str, StageSummary]:
        """Return median, 95th percentile and share of the total time, by stage."""
        with self._lock:
            times = {
                stage: np.array(values, dtype=np.float64) * 1e3
                for stage, values in self._times_s.items()
            }
        total = sum(float(values.sum()) for values in times.values()) or 1.0
        summaries: dict[str, StageSummary] = {}
        for stage in _in_order(times):
            p50_ms, p95_ms = p50_p95(times[stage])
            summaries[stage] = StageSummary(
                p50_ms=round(p50_ms, 2),
                p95_ms=round(p95_ms, 2),
                share=round(float(times[stage].sum()) / total, 3),
            )
        return summaries


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
            self._forget_before(at_s - _WINDOW_S)
            if delay_s is not None:
                self._longest_s = max(self._longest_s, delay_s)
                self._delays_s.append(delay_s)
                if len(self._delays_s) >= 2 * _MAX_DELAYS:
                    del self._delays_s[:_MAX_DELAYS]

    def now(self, at_s: float) -> tuple[float | None, float | None]:
        """Return frames a second and median delay, milliseconds, of the last second.

        Args:
            at_s: The time now, by `time.monotonic`, seconds.

        Returns:
            Both None before two frames were shown; the delay None where it is not known.
        """
        with self._lock:
            self._forget_before(at_s - _WINDOW_S)
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
        p50, p95 = p50_p95(delays_ms)
        return DelaySummary(p50=round(p50, 1), p95=round(p95, 1), max=round(longest_ms, 1))

    def _forget_before(self, time_s: float) -> None:
        while self._recent and self._recent[0][0] < time_s:
            self._recent.popleft()


def p50_p95(durations: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Return the median and the 95th percentile of at least one duration.

    Args:
        durations: float64 (N,), in any unit.
    """
    p50, p95 = np.percentile(np.asarray(durations, np.float64), [50, 95]).tolist()
    return p50, p95


def _in_order(stages: Collection[str]) -> list[str]:
    """Return stages in the order of a frame's way; those of other names come last."""
    known = [stage for stage in STAGES if stage in stages]
    return known + [stage for stage in stages if stage not in STAGES]


def _mean_gap(times_s: list[float]) -> float:
    return (times_s[-1] - times_s[0]) / (len(times_s) - 1)
