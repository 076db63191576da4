"""The readings of a running picture, for every display and for the picture itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from urban_segmentor.visualization.live_stats import LiveStats

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.io.streams.live_source import LiveSource
    from urban_segmentor.profiling import FpsMeter, StageTimes

_FRESH_S = 0.25  # figures that change more often cannot be read
_FRAMES = 30  # of which each stage's median is shown


class LiveStatsCollector:
    """Puts together what meter, stages and source know.

    Args:
        source: Says its state.
        meter: Knows frame rate and delay.
        stages: Know what each stage costs.
        dropped: Says how many frames were never shown.
    """

    def __init__(
        self,
        *,
        source: LiveSource,
        meter: FpsMeter,
        stages: StageTimes,
        dropped: Callable[[], int],
    ) -> None:
        self._source, self._meter, self._stages = source, meter, stages
        self._dropped = dropped
        self._until_s = 0.0
        self._last = LiveStats()

    def read(self, *, paused: bool) -> LiveStats:
        """Return the readings; figures are renewed four times a second, states at once.

        Args:
            paused: True while somebody lets the picture stand still.
        """
        now_s = time.monotonic()
        state = "paused" if paused and self._source.is_live else self._source.state
        if now_s < self._until_s and state == self._last.state:
            return self._last
        fps, delay_ms = self._meter.now(now_s)
        self._last = LiveStats(
            fps=fps,
            latency_ms=delay_ms,
            stages_ms=self._stages.latest(_FRAMES),
            dropped=self._dropped(),
            state=state,
            is_live=self._source.is_live,
        )
        self._until_s = now_s + _FRESH_S
        return self._last
