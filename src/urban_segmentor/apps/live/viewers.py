"""Viewers for pipelines of one's own: a window, and a page in the browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.apps.live.browser import BrowserDisplay
from urban_segmentor.apps.live.display_options import USUAL_DISPLAY
from urban_segmentor.apps.live.snapshot import save_image
from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
from urban_segmentor.apps.live.window import WindowDisplay
from urban_segmentor.io.output_options import USUAL_FOLDER
from urban_segmentor.profiling import FpsMeter
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.visualization.live_stats import LiveStats

if TYPE_CHECKING:
    from urban_segmentor.apps.live.display import Display
    from urban_segmentor.result import Result


class _DisplayViewer:
    """A `Viewer` that shows results on a display, with their frame rate."""

    def __init__(self, display: Display, controls: ViewControls) -> None:
        self._display, self._controls = display, controls
        self._meter = FpsMeter()
        self._stats = LiveStats()

    @property
    def wants_quit(self) -> bool:
        """True after somebody asked for the end."""
        return self._controls.wants_quit

    def show(self, result: Result, /) -> None:
        """Show the frame as it was drawn on.

        Args:
            result: Of the newest frame.
        """
        now_s = time.monotonic()
        self._meter.shown(now_s, captured_s=result.rendered.captured_s)
        fps, latency_ms = self._meter.now(now_s)
        self._stats = LiveStats(
            fps=fps,
            latency_ms=latency_ms,
            stages_ms=result.milliseconds,
            state="live",
            is_live=True,
        )
        self._display.show(result.rendered, self._stats)

    def poll(self) -> None:
        """Take input, and keep the window or page alive."""
        self._display.poll(self._stats)

    def close(self) -> None:
        """Take the window or page away; safe to call twice."""
        self._display.close()


class Window(_DisplayViewer):
    """A `Viewer` in a window: q or Esc ends the run, s saves the picture, f fills the screen.

    Args:
        title: In the caption.
        output: Folder for pictures that are saved.

    Raises:
        MissingExtraError: pygame is not installed.
        DisplayError: No window opens, as without a screen.
    """

    def __init__(
        self, *, title: str = "urban-segmentor", output: str | Path = USUAL_FOLDER
    ) -> None:
        controls = ViewControls(ClassList())
        display = WindowDisplay(
            controls, title=title, save_image=lambda frame: save_image(frame, Path(output))
        )
        super().__init__(display, controls)


class BrowserPage(_DisplayViewer):
    """A `Viewer` on a page for the browser, served by this program alone.

    Args:
        title: Above the picture; every viewer reads it.
        host: The address to listen at; another than this machine's own needs a token.
        port: When it is taken, the next free one; 0 for any.
        token: What viewers must know, 12 characters or more; None for none.

    Raises:
        SettingError: The port or the host cannot be used, or others could reach it without a token.
    """

    def __init__(
        self,
        *,
        title: str = "urban-segmentor",
        host: str = USUAL_DISPLAY.host,
        port: int = USUAL_DISPLAY.port,
        token: str | None = None,
    ) -> None:
        controls = ViewControls(ClassList(), view=ViewState())
        display = BrowserDisplay(controls, title=title, host=host, port=port, token=token)
        self.url = display.where
        super().__init__(display, controls)
