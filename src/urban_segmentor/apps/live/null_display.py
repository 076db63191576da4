"""The display that shows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.visualization.live_stats import LiveStats


class NullDisplay:
    """A `Display` for runs that only record, or are only measured."""

    @property
    def where(self) -> str:
        """Where to look."""
        return "nowhere"

    def show(self, frame: Frame, readings: LiveStats) -> None:
        """Do nothing."""

    def poll(self, readings: LiveStats) -> None:
        """Do nothing."""

    def say(self, message: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
