"""Frame rate, delay and costs in the corner of a live picture, and its state when it stands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from urban_segmentor.visualization.canvas import canvas_for
from urban_segmentor.visualization.text_box import SMALLEST_PX, plate, readable, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.structures.color import Rgb
    from urban_segmentor.structures.frame import Image, Yuv420
    from urban_segmentor.visualization.canvas import Canvas, TextSprite
    from urban_segmentor.visualization.live_stats import LiveStats

_FRESH_S = 0.25  # figures that change more often cannot be read
_LINES = 40  # letters are this part of the picture's height
_MIN_PX = 12
_BANNER = 1.6  # letters of the state, in those of the figures
_DARK: Rgb = (24, 24, 24)
_RED: Rgb = (150, 20, 20)


class Hud:
    """Draws readings on one picture after the other; plates are kept until their text changes.

    For one thread.

    Args:
        now: The time, seconds; figures are renewed four times a second.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._begin((0, 0))

    def _begin(self, size: tuple[int, int]) -> None:
        """Start over for pictures of a size, height and width in pixels."""
        self._size = size
        self._lines: tuple[str, ...] = ()
        self._drawn_s = 0.0
        self._figures: TextSprite | None = None
        self._state = ""
        self._banner: TextSprite | None = None

    def draw(self, pixels: Image | Yuv420, readings: LiveStats) -> Image | Yuv420:
        """Return a copy of a picture with the readings on it, in its own format.

        Args:
            pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
            readings: What to write.
        """
        canvas = canvas_for(pixels)
        self.paint(canvas, readings)
        return canvas.result()

    def paint(self, canvas: Canvas, readings: LiveStats) -> None:
        """Draw on what somebody else draws on too, which costs no copy.

        Pictures too small for letters stay as they are.

        Args:
            canvas: Painted on.
            readings: What to write: figures at the top left and, while no new pictures come, the
                state in the middle.
        """
        if canvas.size != self._size:
            self._begin(canvas.size)
        self._renew_figures(readings.lines())
        if self._figures is not None:
            canvas.paste(self._figures, 0, 0)
        if readings.is_live:
            return
        self._renew_banner(readings.state)
        if self._banner is not None:
            y, x = (
                (side - own) // 4 * 2  # even, for planes
                for side, own in zip(self._size, self._banner.image.shape[:2], strict=True)
            )
            canvas.paste(self._banner, x, y)

    def _renew_figures(self, lines: tuple[str, ...]) -> None:
        now_s = self._now()
        if lines == self._lines or (self._lines and now_s - self._drawn_s < _FRESH_S):
            return
        # A plate that gets narrower with every 9 after a 10 is hard to look at.
        width = 0
        if self._figures is not None and len(lines) == len(self._lines):
            width = self._figures.image.shape[1]
        self._lines, self._drawn_s = lines, now_s
        self._figures = plate(
            [readable(line) for line in lines],
            text_px=self._text_px(),
            room=self._size,
            color=_DARK,
            width=width,
        )

    def _renew_banner(self, state: str) -> None:
        if state == self._state:
            return
        self._state = state
        text_px = round(_BANNER * self._text_px())
        width = self._size[1] * 9 // 10
        # Small pictures get small letters rather than a word in each line.
        while text_px > SMALLEST_PX and len(_lines_of(state, text_px, width)) > 3:
            text_px -= 1
        lines = _lines_of(state, text_px, width)
        self._banner = plate(lines, text_px=text_px, room=self._size, color=_RED)

    def _text_px(self) -> int:
        height, width = self._size
        return max(round(min(height, width * 9 / 16) / _LINES), _MIN_PX)


def _lines_of(state: str, text_px: int, width: int) -> list[str]:
    return wrapped(readable(state), text_px=text_px, width=width)
