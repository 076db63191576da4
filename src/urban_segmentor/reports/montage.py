"""Montages: images in rows, with captions, a title and a legend."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont, ImageOps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.structures.color import Rgb
    from urban_segmentor.structures.frame import Image

_PAPER: Rgb = (255, 255, 255)
_INK: Rgb = (24, 24, 24)
_FRAME: Rgb = (120, 120, 120)
_MIN_TEXT_PX, _MAX_TEXT_PX = 13, 40
_LINES = 36  # of text that an image is high
_ELLIPSIS = "..."


class Tile(NamedTuple):
    """An image with a caption.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        caption: What it shows; shortened where it is too long.
    """

    image: Image
    caption: str


class LegendEntry(NamedTuple):
    """A color and what it means.

    Attributes:
        color: Of the swatch.
        text: Behind it.
    """

    color: Rgb
    text: str


def montage(
    tiles: Sequence[Tile],
    *,
    columns: int | None = None,
    cell: tuple[int, int] | None = None,
    title: str = "",
    legend: Sequence[LegendEntry] = (),
) -> Image:
    """Return images in rows, captions above and a legend below, uint8 (H, W, 3), RGB.

    Args:
        tiles: At least one; they may differ in size.
        columns: Images in a row; None for all of them.
        cell: Height and width to which each image is fitted, pixels; None to keep every pixel.
        title: Written at the top.
        legend: Colors and their meaning, in as many rows as they need.
    """
    images = [Picture.fromarray(tile.image) for tile in tiles]
    if cell is not None:
        images = [_fitted(image, cell) for image in images]
    tallest = max(image.height for image in images)
    size_px = min(max(tallest // _LINES, _MIN_TEXT_PX), _MAX_TEXT_PX)
    gap, step = size_px // 2 + 2, columns or len(images)
    captioned = [
        _joined([_text_line(tile.caption, width=image.width, size_px=size_px), image], down=True)
        for tile, image in zip(tiles, images, strict=True)
    ]
    rows = [
        _joined(captioned[start : start + step], gap=gap) for start in range(0, len(tiles), step)
    ]
    column = _longest_px(legend, size_px)
    width = max(column if legend else 0, *(row.width for row in rows))
    if title:
        rows.insert(0, _text_line(title, width=width, size_px=round(1.5 * size_px)))
    if legend:
        rows.append(_legend(legend, across=width // column, column=column, size_px=size_px))
    return np.asarray(ImageOps.expand(_joined(rows, gap=gap, down=True), gap, fill=_PAPER))


def _fitted(image: Picture.Image, cell: tuple[int, int]) -> Picture.Image:
    """Return an image scaled to fit into a cell of a height and width, and centered in it."""
    gain = min(cell[0] / image.height, cell[1] / image.width)
    width, height = (max(round(side * gain), 1) for side in image.size)
    paper = Picture.new("RGB", (cell[1], cell[0]), _PAPER)
    corner = ((cell[1] - width) // 2, (cell[0] - height) // 2)
    paper.paste(image.resize((width, height), Picture.Resampling.BICUBIC), corner)
    return paper


def _joined(images: Sequence[Picture.Image], *, gap: int = 0, down: bool = False) -> Picture.Image:
    """Return images in a row, aligned at the top, or in a column, aligned at the left."""
    axis = 1 if down else 0
    size = [max(image.size[i] for image in images) for i in (0, 1)]
    size[axis] = sum(image.size[axis] + gap for image in images) - gap
    paper = Picture.new("RGB", (size[0], size[1]), _PAPER)
    corner = [0, 0]
    for image in images:
        paper.paste(image, (corner[0], corner[1]))
        corner[axis] += image.size[axis] + gap
    return paper


def _text_line(text: str, *, width: int, size_px: int) -> Picture.Image:
    """Return a line of text, shortened to fit."""
    font = _font(size_px)
    shown = text
    while shown and font.getlength(shown + _ELLIPSIS * (shown != text)) > width:
        shown = shown[:-1]
    line = Picture.new("RGB", (width, round(1.6 * size_px)), _PAPER)
    written = shown + _ELLIPSIS * (shown != text)
    ImageDraw.Draw(line).text((0, line.height / 2), written, fill=_INK, font=font, anchor="lm")
    return line


def _legend(
    entries: Sequence[LegendEntry], *, across: int, column: int, size_px: int
) -> Picture.Image:
    """Return swatches with text, so many in a row, in columns of one width."""
    line, half = round(1.6 * size_px), size_px // 2
    paper = Picture.new("RGB", (across * column, line * -(-len(entries) // across)), _PAPER)
    draw = ImageDraw.Draw(paper)
    for number, entry in enumerate(entries):
        row, cell = divmod(number, across)
        x, y = cell * column, row * line + line // 2
        box = (x, y - half, x + 2 * half, y + half)
        draw.rectangle(box, fill=entry.color, outline=_FRAME)
        draw.text((x + 3 * half, y), entry.text, fill=_INK, font=_font(size_px), anchor="lm")
    return paper


def _longest_px(entries: Sequence[LegendEntry], size_px: int) -> int:
    """Return the width of the longest legend entry with swatch and margin, pixels."""
    font = _font(size_px)
    longest = max((font.getlength(entry.text) for entry in entries), default=0)
    return round(longest) + 3 * size_px


@lru_cache(maxsize=32)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that Pillow brings along, the same on every machine."""
    return ImageFont.load_default(size_px)
