"""Small opaque plates with lines of text that always fit on the picture."""

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

SMALLEST_PX = 9  # of letters that can be read
_LINE = 1.25  # from line to line, in heights of letters
_MARGIN = 0.4
_ELLIPSIS = "\u2026"
_FEWEST = 3  # letters; less of a line says nothing
_INK: Rgb = (255, 255, 255)
_NEAREST = str.maketrans(
    {"\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
    | {"\u00df": "ss", "\u00d7": "x", "\u2192": ">"}
)


def readable(text: str) -> str:
    """Return a text in the letters that the font has: accents go, the unknown becomes `?`.

    >>> readable("lost: Zeitüberschreitung (道路)")
    'lost: Zeituberschreitung (??)'
    """
    apart = unicodedata.normalize("NFKD", " ".join(text.translate(_NEAREST).split()))
    letters = (letter for letter in apart if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in letters)


def plate(
    lines: Sequence[str], *, text_px: int, room: tuple[int, int], color: Rgb, width: int = 0
) -> TextSprite | None:
    """Return a plate with lines of text, white on a dark color, of even sides.

    What does not fit gets smaller letters, then is shortened, and lines at the end are left out.

    Args:
        lines: In letters that the font has, see `readable`.
        text_px: Height of letters that is wished for, pixels.
        room: Height and width that the plate may have at most, pixels.
        color: Of the plate.
        width: What it shall have at least, pixels, as far as there is room.

    Returns:
        The plate, or None where not even one line can be read.
    """
    while text_px > SMALLEST_PX and not _fits(lines, text_px, room):
        text_px -= 1
    font, margin = _font(text_px), _margin(text_px)
    room = room[0] - room[0] % 2, room[1] - room[1] % 2
    inner = room[1] - 2 * margin
    count = max(int((room[0] - margin) // (_LINE * text_px)), 0)
    shown = [_shortened(line, font.getlength, inner) for line in lines[:count]]
    if not shown or not all(shown):
        return None
    needed = max(round(font.getlength(line)) for line in shown) + 2 * margin
    across = min(max(needed, width), room[1])
    down = min(round(len(shown) * _LINE * text_px) + margin, room[0])
    image = Drawing.new("RGB", (across + across % 2, down + down % 2), color)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(shown):
        middle = margin / 2 + (number + 0.5) * _LINE * text_px
        draw.text((margin, round(middle)), line, fill=_INK, font=font, anchor="lm")
    return TextSprite(np.asarray(image))


def wrapped(text: str, *, text_px: int, width: int) -> list[str]:
    """Return a text in as few lines as fit on a plate, of about equal length, broken at spaces.

    Args:
        text: In letters that the font has.
        text_px: Height of the letters, pixels.
        width: Of the plate, pixels.
    """
    room = width - 2 * _margin(text_px)
    lines = _broken(text, text_px, room)
    while room > text_px:  # no last word alone in the last line
        room -= text_px
        closer = _broken(text, text_px, room)
        if len(closer) > len(lines):
            break
        lines = closer
    return lines


def _broken(text: str, text_px: int, room: int) -> list[str]:
    font = _font(text_px)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _fits(lines: Sequence[str], text_px: int, room: tuple[int, int]) -> bool:
    margin, font = _margin(text_px), _font(text_px)
    if len(lines) * _LINE * text_px + margin > room[0]:
        return False
    return all(font.getlength(line) <= room[1] - 2 * margin for line in lines)


def _shortened(line: str, length: Callable[[str], float], room: int) -> str:
    """Return as much of a line as there is room for; empty when that says nothing."""
    if length(line) <= room:
        return line
    for end in range(len(line) - 1, _FEWEST - 1, -1):
        if length(line[:end] + _ELLIPSIS) <= room:
            return line[:end] + _ELLIPSIS
    return ""


def _margin(text_px: int) -> int:
    return round(_MARGIN * text_px)


@lru_cache(maxsize=64)
def _font(text_px: int) -> FreeTypeFont:
    """Return Pillow's own font, which is drawn the same everywhere; it has ASCII letters."""
    font = ImageFont.load_default(text_px)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101 - with a size it is
    return font
