"""Opaque text boxes that always fit into the image."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Drawing
from PIL import ImageDraw, ImageFont

from urban_segmentor.visualization.canvas import TextSprite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.ImageFont import FreeTypeFont

    from urban_segmentor.structures.color import Rgb

MIN_TEXT_PX = 9  # minimum legible text height
_LINE = 1.25  # line height over text height
_MARGIN = 0.4
_ELLIPSIS = "\u2026"
_MIN_LETTERS = 3  # minimum length of a truncated line
_INK: Rgb = (255, 255, 255)
_ASCII_FORMS = str.maketrans(
    {"\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
    | {"\u00df": "ss", "\u00d7": "x", "\u2192": ">"}
)


def to_ascii(text: str) -> str:
    """Return a text in ASCII: accents are removed, other characters become `?`.

    >>> to_ascii("lost: Zeitüberschreitung (道路)")
    'lost: Zeituberschreitung (??)'
    """
    decomposed = unicodedata.normalize("NFKD", " ".join(text.translate(_ASCII_FORMS).split()))
    letters = (letter for letter in decomposed if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in letters)


def text_box(
    lines: Sequence[str], *, text_px: int, max_size: tuple[int, int], color: Rgb, width: int = 0
) -> TextSprite | None:
    """Return a text box, white on a dark color, with even sides.

    Text that does not fit is made smaller, then truncated, and last lines are dropped.

    Args:
        lines: Lines of ASCII text, see `to_ascii`.
        text_px: Preferred text height, pixels.
        max_size: Maximum height and width, pixels.
        color: Background color.
        width: Minimum width within `max_size`, pixels.

    Returns:
        The text box, or None when not even one line fits.
    """
    while text_px > MIN_TEXT_PX and not _fits(lines, text_px, max_size):
        text_px -= 1
    font, margin = _font(text_px), _margin(text_px)
    max_size = max_size[0] - max_size[0] % 2, max_size[1] - max_size[1] % 2
    inner = max_size[1] - 2 * margin
    count = max(int((max_size[0] - margin) // (_LINE * text_px)), 0)
    kept = [_truncate(line, font.getlength, inner) for line in lines[:count]]
    if not kept or not all(kept):
        return None
    needed = max(round(font.getlength(line)) for line in kept) + 2 * margin
    box_width = min(max(needed, width), max_size[1])
    box_height = min(round(len(kept) * _LINE * text_px) + margin, max_size[0])
    image = Drawing.new("RGB", (box_width + box_width % 2, box_height + box_height % 2), color)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(kept):
        middle = margin / 2 + (number + 0.5) * _LINE * text_px
        draw.text((margin, round(middle)), line, fill=_INK, font=font, anchor="lm")
    return TextSprite(np.asarray(image))


def wrap_text(text: str, *, text_px: int, width: int) -> list[str]:
    """Return a text wrapped at spaces into the fewest lines that fit, of about equal length.

    Args:
        text: ASCII text.
        text_px: Text height, pixels.
        width: Width of the text box, pixels.
    """
    max_size = width - 2 * _margin(text_px)
    lines = _break_lines(text, text_px, max_size)
    while max_size > text_px:  # avoids a short last line
        max_size -= text_px
        narrower = _break_lines(text, text_px, max_size)
        if len(narrower) > len(lines):
            break
        lines = narrower
    return lines


def _break_lines(text: str, text_px: int, max_size: int) -> list[str]:
    font = _font(text_px)
    lines: list[str] = []
    for word in text.split():
        candidate = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(candidate) <= max_size:
            lines[-1] = candidate
        else:
            lines.append(word)
    return lines


def _fits(lines: Sequence[str], text_px: int, max_size: tuple[int, int]) -> bool:
    margin, font = _margin(text_px), _font(text_px)
    if len(lines) * _LINE * text_px + margin > max_size[0]:
        return False
    return all(font.getlength(line) <= max_size[1] - 2 * margin for line in lines)


def _truncate(line: str, length: Callable[[str], float], max_size: int) -> str:
    """Return a line truncated to a width; empty when too little is left."""
    if length(line) <= max_size:
        return line
    for end in range(len(line) - 1, _MIN_LETTERS - 1, -1):
        if length(line[:end] + _ELLIPSIS) <= max_size:
            return line[:end] + _ELLIPSIS
    return ""


def _margin(text_px: int) -> int:
    return round(_MARGIN * text_px)


@lru_cache(maxsize=64)
def _font(text_px: int) -> FreeTypeFont:
    """Return Pillow's built-in font, which renders the same everywhere."""
    font = ImageFont.load_default(text_px)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101 - with a size it is
    return font
