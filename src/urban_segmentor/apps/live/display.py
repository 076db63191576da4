"""Where live pictures are shown: a window, a page in the browser, or nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.visualization.live_stats import LiveStats


class Display(Protocol):
    """Shows pictures; all methods are called from the main thread."""

    @property
    def where(self) -> str:
        """Where to look, in a few words: `a window`, or the address of the page."""
        ...

    def show(self, frame: Frame, readings: LiveStats) -> None:
        """Show a frame with everything drawn on it."""
        ...

    def poll(self, readings: LiveStats) -> None:
        """Take what the viewers want, and tell them the state; called twenty times a second."""
        ...

    def say(self, message: str) -> None:
        """Show a short message for a few seconds, such as where a picture was saved."""
        ...

    def close(self) -> None:
        """Take the display away; safe to call twice."""
        ...
