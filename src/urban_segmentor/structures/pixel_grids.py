"""How the pixels of a network's map lie over those of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.boxes import Letterbox

_MIN_SHIFT = 1e-4  # map pixels; a smaller shift cannot be seen
_MAX_STEPS_BACK = 8  # map pixels to step back for edges that meet: 2048 to 640 needs 5


class Cells(NamedTuple):
    """The spaces between the centres of a map's pixels along an axis, each with image pixels.

    Attributes:
        low: intp (K,), the map pixel before each.
        high: intp (K,), the one behind; the same one beyond the first and the last.
        counts: intp (K,), image pixels between them, at least 1.
        pixels: intp (K, max(counts)), which they are; the last one is repeated.
        fractions: float32 (K, max(counts)), how far on the way each of these lies, in [0, 1].
    """

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    counts: NDArray[np.intp]
    pixels: NDArray[np.intp]
    fractions: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class GridAxis:
    """Alignment of map pixels and image pixels along one axis.

    Attributes:
        step: Map pixels per image pixel.
        offset: Map coordinate of the image's first edge.
        first: First map pixel whose centre lies in the image rather than the padding.
        last: Last one.
        length: Image pixels.
    """

    step: float
    offset: float
    first: int
    last: int
    length: int

    @classmethod
    def of(cls, *, gain: float, padding: int, content: int, stride: float, length: int) -> GridAxis:
        """Return the alignment along one axis of a letterbox.

        Args:
            gain: Input pixels per image pixel.
            padding: Input pixels before the image.
            content: Input pixels of the image.
            stride: Input pixels per map pixel.
            length: Image pixels.
        """
        first = math.ceil(padding / stride - 0.5)
        last = math.floor((padding + content) / stride - 0.5)
        return cls(gain / stride, padding / stride, first, max(first, last), length)

    def window(self, start: int, stop: int) -> tuple[NDArray[np.intp], float, int]:
        """Return the map pixels that cover image pixels [start, stop), and their alignment.

        Returns:
            Positions, intp (K,), with one to spare at the end for the shift; the shift towards the
            next pixel that aligns the grids, map pixels; the image pixel where they begin.
        """
        nearest = math.floor((start + 0.5) * self.step + self.offset - 0.5)
        high = math.floor((stop - 0.5) * self.step + self.offset - 0.5) + 2
        shift, begin, low = _best_start(self, nearest)
        spare = 1 + math.ceil(shift)
        positions = np.clip(np.arange(low, high + spare), self.first, self.last)
        return positions.astype(np.intp), shift, begin

    def grid_start(self, low: int) -> tuple[float, int, int]:
        """Return the distance from a map pixel's edge to the next image pixel's, and both."""
        begin = math.ceil((low - self.offset) / self.step - 1e-6)
        return max(begin * self.step + self.offset - low, 0.0), begin, low

    def centres(self) -> NDArray[np.intp]:
        """Return the image pixels nearest to the map pixels `first` to `last`, intp (K,)."""
        at = (np.arange(self.first, self.last + 1) + 0.5 - self.offset) / self.step - 0.5
        return np.clip(np.rint(at), 0, self.length - 1).astype(np.intp)

    def cells(self) -> Cells:
        """Return the spaces between map pixels that have image pixels in them."""
        return _cells(self)


@lru_cache(maxsize=4096)  # the same few at every frame of a video
def _best_start(axis: GridAxis, nearest: int) -> tuple[float, int, int]:
    """Return the map pixel at or before one whose edge is best aligned."""
    return min(axis.grid_start(nearest - back) for back in range(_MAX_STEPS_BACK))


@lru_cache(maxsize=64)
def _cells(axis: GridAxis) -> Cells:
    at = (np.arange(axis.length) + 0.5) * axis.step + axis.offset - 0.5
    at = np.clip(at, axis.first, axis.last)
    low = np.floor(at).astype(np.intp)
    starts = np.flatnonzero(np.diff(low, prepend=-1))
    counts = np.diff(starts, append=axis.length)
    pixels = starts[:, None] + np.minimum(np.arange(int(counts.max())), counts[:, None] - 1)
    return Cells(
        low=low[starts],
        high=np.minimum(low[starts] + 1, axis.last),
        counts=counts,
        pixels=pixels,
        fractions=(at - low).astype(np.float32)[pixels],
    )


def grid_axes(letterbox: Letterbox, map_size: tuple[int, int]) -> tuple[GridAxis, GridAxis]:
    """Return the alignment of a map and an image, down and across.

    Args:
        letterbox: How the image lies in the network input.
        map_size: Height and width of the map, which shows the whole input, pixels.
    """
    paddings = (letterbox.top, letterbox.left)
    down, across = (
        GridAxis.of(
            gain=letterbox.gains[1 - i],
            padding=paddings[i],
            content=letterbox.content_size[i],
            stride=letterbox.input_size[i] / map_size[i],
            length=letterbox.image_size[i],
        )
        for i in range(2)
    )
    return down, across


def enlarge(
    plane: NDArray[np.float32], down: GridAxis, across: GridAxis, box: tuple[int, int, int, int]
) -> NDArray[np.float32]:
    """Return a map inside a rectangle of the image, bilinear, float32 (y2 - y1, x2 - x1).

    The grids are aligned by their edges; at the image's border the outermost pixels count whose
    centres lie in it, never those of the padding.

    Args:
        plane: float32 (h, w).
        down: Its alignment along the rows.
        across: Its alignment along the columns.
        box: `x1, y1, x2, y2`, image pixels.
    """
    import cv2  # noqa: PLC0415 - heavy

    x1, y1, x2, y2 = box
    if x1 >= x2 or y1 >= y2:
        return np.zeros((y2 - y1, x2 - x1), dtype=np.float32)
    columns, shift_x, left = across.window(x1, x2)
    rows, shift_y, top = down.window(y1, y2)
    grid = _shift_rows(_shift_rows(_take(plane, rows, columns), shift_y).T, shift_x).T
    full = cv2.resize(
        np.ascontiguousarray(grid),
        None,
        fx=1 / across.step,
        fy=1 / down.step,
        interpolation=cv2.INTER_LINEAR,
    )
    return np.asarray(full, dtype=np.float32)[y1 - top : y2 - top, x1 - left : x2 - left]


def _take(
    logit: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return rows and columns by position; positions at the border may repeat."""
    spans = [(int(at[0]), int(at[-1]) + 1) for at in (rows, columns)]
    if all(
        stop - start == len(at) for (start, stop), at in zip(spans, (rows, columns), strict=True)
    ):
        return logit[spans[0][0] : spans[0][1], spans[1][0] : spans[1][1]]
    return logit[np.ix_(rows, columns)]


def _shift_rows(grid: NDArray[np.float32], shift: float) -> NDArray[np.float32]:
    """Return the rows of a grid shifted by a positive fraction, linearly interpolated."""
    whole, part = int(shift), shift - int(shift)
    grid = grid[whole:]
    if part < _MIN_SHIFT:
        return grid
    moved = grid[:-1] * np.float32(1 - part) + grid[1:] * np.float32(part)
    return moved.astype(np.float32, copy=False)
