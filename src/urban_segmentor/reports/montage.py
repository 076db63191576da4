"""Montages of images: side by side, or as a contact sheet, with captions and a legend."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from PIL import Image as Drawing
from PIL import ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from urban_segmentor.structures.color import Rgb
    from urban_segmentor.structures.frame import Image

_PAPER: Rgb = (255, 255, 255)
_INK: Rgb = (24, 24, 24)
_FRAME: Rgb = (120, 120, 120)
_MIN_TEXT_PX, _MAX_TEXT_PX = 13, 40
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


def text_px(height: int) -> int:
    """Return the text height for a montage of images of a height, pixels."""
    return min(max(round(height / 36), _MIN_TEXT_PX), _MAX_TEXT_PX)


def side_by_side(tiles: Sequence[Tile], *, legend: Sequence[LegendEntry] = ()) -> Image:
    """Return images in a row, captions above and a legend below, uint8 (H, W, 3), RGB.

    Args:
        tiles: At least one; they may differ in size.
        legend: Colors and their meaning, in as many rows as they need.
    """
    height = max(tile.image.shape[0] for tile in tiles)
    size_px = text_px(height)
    gap = size_px // 2
    bodies = [_with_caption(tile, size_px, width=tile.image.shape[1]) for tile in tiles]
    min_width = _longest_px(legend, size_px)
    row = _padded(_row(bodies, gap), width=min_width)
    if not legend:
        return _bordered(row, gap)
    below = _legend(legend, width=row.shape[1], size_px=size_px)
    return _bordered(np.vstack([row, _blank(gap, row.shape[1]), below]), gap)


def contact_sheet(
    tiles: Iterable[Tile],
    *,
    title: str,
    columns: int = 6,
    tile_size: tuple[int, int] = (220, 220),
) -> Image:
    """Return a contact sheet of thumbnails, uint8 (H, W, 3), RGB.

    Images are scaled one after the other, so they may come from a generator: no more than
    one is held besides the sheet.

    Args:
        tiles: Images of any size; each is fitted into its cell.
        title: Written at the top.
        columns: Images in a row.
        tile_size: Height and width of a cell, pixels.
    """
    size_px = _MIN_TEXT_PX
    gap = 8
    width = columns * (tile_size[1] + gap) - gap
    rows: list[Image] = [_text_line(title, width=width, size_px=20)]
    cells: list[Image] = []
    for tile in tiles:
        cell = Tile(fit_to_box(tile.image, tile_size), tile.caption)
        cells.append(_with_caption(cell, size_px, width=tile_size[1]))
        if len(cells) == columns:
            rows += [_blank(gap, width), _row(cells, gap)]
            cells = []
    if cells:
        rows += [_blank(gap, width), _padded(_row(cells, gap), width=width)]
    return _bordered(np.vstack(rows), gap)


def fit_to_box(image: Image, size: tuple[int, int], *, paper: Rgb = _PAPER) -> Image:
    """Return an image scaled to fit into a cell and centered in it, uint8 (H, W, 3), RGB.

    Args:
        image: uint8 (h, w, 3), RGB.
        size: Height and width of the cell, pixels.
        paper: The color around it.
    """
    gain = min(size[0] / image.shape[0], size[1] / image.shape[1])
    height, width = (max(round(side * gain), 1) for side in image.shape[:2])
    how = cv2.INTER_AREA if gain < 1 else cv2.INTER_CUBIC
    small = cv2.resize(image, (width, height), interpolation=how)
    cell = np.full((*size, 3), paper, dtype=np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    cell[top : top + height, left : left + width] = small
    return cell


def jpeg_bytes(image: Image, *, quality: int = 90) -> bytes:
    """Return an image encoded as JPEG.

    Args:
        image: uint8 (H, W, 3), RGB.
        quality: 1 to 100.
    """
    return _encoded(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def png_image_bytes(image: Image) -> bytes:
    """Return an image encoded as PNG.

    Args:
        image: uint8 (H, W, 3), RGB.
    """
    return _encoded(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 6])


def _encoded(suffix: str, image: Image, options: list[int]) -> bytes:
    bgr = np.ascontiguousarray(image[..., ::-1])
    return cv2.imencode(suffix, bgr, options)[1].tobytes()


def _with_caption(tile: Tile, size_px: int, *, width: int) -> Image:
    return np.vstack([_text_line(tile.caption, width=width, size_px=size_px), tile.image])


def _text_line(text: str, *, width: int, size_px: int) -> Image:
    """Return a line of text on paper, shortened to fit, uint8 (h, width, 3), RGB."""
    font = _font(size_px)
    shown = text
    while shown and font.getlength(shown + _ELLIPSIS * (shown != text)) > width:
        shown = shown[:-1]
    line = Drawing.new("RGB", (width, round(1.6 * size_px)), _PAPER)
    cell = (0, round(0.8 * size_px))
    written = shown + _ELLIPSIS * (shown != text)
    ImageDraw.Draw(line).text(cell, written, fill=_INK, font=font, anchor="lm")
    return np.asarray(line)


def _legend(entries: Sequence[LegendEntry], *, width: int, size_px: int) -> Image:
    """Return swatches with text in columns of equal width, uint8 (h, width, 3), RGB."""
    font = _font(size_px)
    column = _longest_px(entries, size_px)
    across = max(width // column, 1)
    line = round(1.6 * size_px)
    down = -(-len(entries) // across)
    paper = Drawing.new("RGB", (width, line * down), _PAPER)
    draw = ImageDraw.Draw(paper)
    for number, entry in enumerate(entries):
        row, cell = divmod(number, across)
        x, middle = cell * column, row * line + line // 2
        half = size_px // 2
        box = (x, middle - half, x + 2 * half, middle + half)
        draw.rectangle(box, fill=entry.color, outline=_FRAME)
        draw.text((x + 3 * half, middle), entry.text, fill=_INK, font=font, anchor="lm")
    return np.asarray(paper)


def _longest_px(entries: Sequence[LegendEntry], size_px: int) -> int:
    """Return the width of the longest legend entry with swatch and margin, pixels."""
    font = _font(size_px)
    longest = max((font.getlength(entry.text) for entry in entries), default=0)
    return round(longest) + 3 * size_px


def _row(images: Sequence[Image], gap: int) -> Image:
    """Return images in a row, aligned at the top."""
    height = max(image.shape[0] for image in images)
    parts: list[Image] = []
    for image in images:
        below = _blank(height - image.shape[0], image.shape[1])
        parts += [np.vstack([image, below]), _blank(height, gap)]
    return np.hstack(parts[:-1])


def _padded(image: Image, *, width: int) -> Image:
    """Return an image padded on its right to a minimum width."""
    missing = width - image.shape[1]
    return np.hstack([image, _blank(image.shape[0], missing)]) if missing > 0 else image


def _bordered(image: Image, border: int) -> Image:
    framed = cv2.copyMakeBorder(
        image, border, border, border, border, cv2.BORDER_CONSTANT, value=_PAPER
    )
    return np.asarray(framed, dtype=np.uint8)


def _blank(height: int, width: int) -> Image:
    return np.full((height, width, 3), _PAPER, dtype=np.uint8)


@lru_cache(maxsize=32)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that Pillow brings along, the same on every machine."""
    return ImageFont.load_default(size_px)
