"""`Hud`: frame rate, latency and stage times on live frames, and a state banner."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from urban_segmentor.visualization.canvas import canvas_for
from urban_segmentor.visualization.text_box import MIN_TEXT_PX, text_box, to_ascii, wrap_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.structures.color import Rgb
    from urban_segmentor.structures.frame import Image, Yuv420
    from urban_segmentor.visualization.canvas import Canvas, TextSprite
    from urban_segmentor.visualization.live_stats import LiveStats

_REFRESH_S = 0.25  # figures that change more often are unreadable
_TEXT_LINES = 40  # frame height over text height
_MIN_PX = 12
_BANNER_SCALE = 1.6  # text height of the banner over that of the figures
_DARK: Rgb = (24, 24, 24)
_RED: Rgb = (150, 20, 20)


class Hud:
    """Draws live stats on frames; text boxes are cached until their text changes.

    Not thread-safe.

    Args:
        now: The clock, seconds; figures are updated four times a second.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._reset((0, 0))

    def _reset(self, size: tuple[int, int]) -> None:
        """Reset the cache for frames of a size, height and width in pixels."""
        self._size = size
        self._lines: tuple[str, ...] = ()
        self._drawn_s = 0.0
        self._figures: TextSprite | None = None
        self._state = ""
        self._banner: TextSprite | None = None

    def draw(self, pixels: Image | Yuv420, readings: LiveStats) -> Image | Yuv420:
        """Return a copy of an image with the stats drawn on it, in its own format.

        Args:
            pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
            readings: The stats.
        """
        canvas = canvas_for(pixels)
        self.paint(canvas, readings)
        return canvas.result()

    def paint(self, canvas: Canvas, readings: LiveStats) -> None:
        """Draw the stats on a canvas.

        Images too small for text stay unchanged.

        Args:
            canvas: The canvas to draw on.
            readings: The stats: figures at the top left and, while no new frames come, the state in
                the middle.
        """
        if canvas.size != self._size:
            self._reset(canvas.size)
        self._update_figures(readings.lines())
        if self._figures is not None:
            canvas.paste(self._figures, 0, 0)
        if readings.is_live:
            return
        self._update_banner(readings.state)
        if self._banner is not None:
            y, x = (
                (side - own) // 4 * 2  # even, for planes
                for side, own in zip(self._size, self._banner.image.shape[:2], strict=True)
            )
            canvas.paste(self._banner, x, y)

    def _update_figures(self, lines: tuple[str, ...]) -> None:
        now_s = self._now()
        if lines == self._lines or (self._lines and now_s - self._drawn_s < _REFRESH_S):
            return
        # The width must not change with every digit.
        width = 0
        if self._figures is not None and len(lines) == len(self._lines):
            width = self._figures.image.shape[1]
        self._lines, self._drawn_s = lines, now_s
        self._figures = text_box(
            [to_ascii(line) for line in lines],
            text_px=self._text_px(),
            max_size=self._size,
            color=_DARK,
            width=width,
        )

    def _update_banner(self, state: str) -> None:
        if state == self._state:
            return
        self._state = state
        text_px = round(_BANNER_SCALE * self._text_px())
        width = self._size[1] * 9 // 10
        # Small frames get small text rather than one word per line.
        while text_px > MIN_TEXT_PX and len(_lines_of(state, text_px, width)) > 3:
            text_px -= 1
        lines = _lines_of(state, text_px, width)
        self._banner = text_box(lines, text_px=text_px, max_size=self._size, color=_RED)

    def _text_px(self) -> int:
        height, width = self._size
        return max(round(min(height, width * 9 / 16) / _TEXT_LINES), _MIN_PX)


def _lines_of(state: str, text_px: int, width: int) -> list[str]:
    return wrap_text(to_ascii(state), text_px=text_px, width=width)
