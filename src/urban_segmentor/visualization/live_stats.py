"""What a live picture says about itself: frame rate, delay, cost of the stages, losses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStats:
    """Figures of the last second.

    Attributes:
        fps: Frames that were shown, counted from display to display; None before there are two.
        latency_ms: Median time from capture to display, milliseconds; None before one was shown.
        stages_ms: Median milliseconds of each stage.
        dropped: Frames of the source that were never shown, since the start.
        state: `connecting`, `live`, `paused`, `lost: connection refused; retry in 4 s`, ...
        is_live: True while new pictures come.
    """

    fps: float | None = None
    latency_ms: float | None = None
    stages_ms: Mapping[str, float] = field(default_factory=dict[str, float])
    dropped: int = 0
    state: str = "connecting"
    is_live: bool = False

    def lines(self) -> tuple[str, ...]:
        """Return the figures as short lines of text, for a corner of the picture.

        >>> LiveStats(fps=30.04, latency_ms=41.6, stages_ms={"infer": 21.04}, state="live").lines()
        ('30.0 fps, 42 ms late', 'infer 21.0 ms', '0 dropped')
        """
        if self.fps is None or self.latency_ms is None:
            return (self.state,)
        costs = [f"{stage} {cost_ms:.1f} ms" for stage, cost_ms in self.stages_ms.items()]
        return (
            f"{self.fps:.1f} fps, {self.latency_ms:.0f} ms late",
            *costs,
            f"{self.dropped} dropped",
        )
