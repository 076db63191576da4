"""Durations of the pipeline stages."""

from __future__ import annotations

import threading
import time
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Generator

STAGES = (
    *("decode", "preprocess", "infer", "postprocess"),
    *("masks", "merge", "stages", "draw", "show", "encode", "write"),
)


class StageSummary(TypedDict):
    """Median, 95th percentile and share of a stage, milliseconds per frame."""

    p50_ms: float
    p95_ms: float
    share: float


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

    def latest(self, count: int) -> dict[str, float]:
        """Return the median of the latest durations by stage, milliseconds.

        Args:
            count: Number of durations.
        """
        with self._lock:
            times = {stage: values[-count:] for stage, values in self._times_s.items()}
        return {
            stage: round(float(np.median(times[stage])) * 1e3, 2)
            for stage in STAGES
            if stage in times
        }

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
        return {
            stage: StageSummary(
                p50_ms=round(float(np.median(times[stage])), 2),
                p95_ms=round(float(np.percentile(times[stage], 95)), 2),
                share=round(float(times[stage].sum()) / total, 3),
            )
            for stage in STAGES
            if stage in times
        }
