"""Decoding of mask prototypes to masks at image resolution.

Each instance's logits are interpolated inside its own box only, and thresholded last. The pixel
grids are aligned by their edges, half-pixel correct, through the letterbox.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.structures.masks import LazyCrops, Masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.boxes import Letterbox
    from urban_segmentor.structures.masks import Crop

_MIN_SHIFT = 1e-4  # prototype pixels; a smaller shift cannot be seen
_MAX_STEPS_BACK = 8  # prototype pixels to step back for edges that meet: 2048 to 640 needs 5


@dataclass(frozen=True, slots=True)
class _Axis:
    """Alignment of prototype pixels and image pixels along one axis.

    Attributes:
        step: Prototype pixels per image pixel.
        offset: Prototype coordinate of the image's first edge.
        first: First prototype pixel whose centre lies in the picture rather than the padding.
        last: Last one.
    """

    step: float
    offset: float
    first: int
    last: int

    @classmethod
    def of(cls, *, gain: float, padding: int, content: int, stride: float) -> _Axis:
        first = math.ceil(padding / stride - 0.5)
        last = math.floor((padding + content) / stride - 0.5)
        return cls(gain / stride, padding / stride, first, max(first, last))

    def window(self, start: int, stop: int) -> tuple[NDArray[np.intp], float, int]:
        """Return the prototype pixels that cover image pixels [start, stop), and their alignment.

        Returns:
            intp positions, with one to spare at the end for the shift; the shift towards the next
            pixel that aligns the grids, prototype pixels; the image pixel where they begin.
        """
        nearest = math.floor((start + 0.5) * self.step + self.offset - 0.5)
        high = math.floor((stop - 0.5) * self.step + self.offset - 0.5) + 2
        shift, begin, low = _best_start(self, nearest)
        spare = 1 + math.ceil(shift)
        positions = np.clip(np.arange(low, high + spare), self.first, self.last)
        return positions.astype(np.intp), shift, begin

    def grid_start(self, low: int) -> tuple[float, int, int]:
        """Return the distance from a prototype pixel's edge to the next image pixel's, and both."""
        begin = math.ceil((low - self.offset) / self.step - 1e-6)
        return max(begin * self.step + self.offset - low, 0.0), begin, low


@lru_cache(maxsize=4096)  # the same few at every frame of a video
def _best_start(axis: _Axis, nearest: int) -> tuple[float, int, int]:
    """Return the prototype pixel at or before one whose edge is best aligned."""
    return min(axis.grid_start(nearest - back) for back in range(_MAX_STEPS_BACK))


def masks_from_prototypes(
    logits: NDArray[np.float32], boxes: NDArray[np.float32], letterbox: Letterbox
) -> Masks:
    """Return lazily decoded masks.

    Args:
        logits: float32 (N, h, w), at the resolution of the prototypes; positive is inside.
        boxes: float32 (N, 4), image pixels, `x1, y1, x2, y2`; nothing outside is kept.
        letterbox: How the image lies in the network input.
    """
    height, width = letterbox.image_size
    input_height, input_width = letterbox.input_size
    across = _Axis.of(
        gain=letterbox.gains[0],
        padding=letterbox.left,
        content=letterbox.content_size[1],
        stride=input_width / logits.shape[2],
    )
    down = _Axis.of(
        gain=letterbox.gains[1],
        padding=letterbox.top,
        content=letterbox.content_size[0],
        stride=input_height / logits.shape[1],
    )
    limits = [width, height, width, height]
    rectangles = np.clip(np.ceil(boxes), 0, limits).astype(np.int32)
    rectangles[:, 2:] = np.maximum(rectangles[:, 2:], rectangles[:, :2])
    corners: list[list[int]] = rectangles.tolist()
    decoders = [
        partial(_decode, logit, across, down, corner)
        for logit, corner in zip(logits, corners, strict=True)
    ]
    return Masks(
        crops=LazyCrops(decoders),
        origins=np.ascontiguousarray(rectangles[:, :2]),
        image_size=letterbox.image_size,
    )


def has_pixels(logits: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether each mask may have a pixel inside its box, bool (N,).

    Args:
        logits: float32 (N, h, w), at the resolution of the prototypes; positive is inside.
        boxes: float32 (N, 4), pixels of the prototypes, `x1, y1, x2, y2`.
    """
    low = np.maximum(np.floor(boxes[:, :2] - 0.5), 0).astype(np.int32)
    high = np.ceil(boxes[:, 2:] + 0.5).astype(np.int32)
    return np.array(
        [
            logit[y1:y2, x1:x2].max(initial=-1) > 0
            for logit, (x1, y1), (x2, y2) in zip(logits, low, high, strict=True)
        ],
        dtype=np.bool_,
    )


def has_visible_pixels(
    masks: Masks, logits: NDArray[np.float32], boxes: NDArray[np.float32], letterbox: Letterbox
) -> NDArray[np.bool_]:
    """Return whether each mask has a pixel, bool (N,); only doubtful ones are decoded.

    Args:
        masks: Result of `masks_from_prototypes`.
        logits: float32 (N, h, w), what they were made from.
        boxes: float32 (N, 4), pixels of the prototypes, `x1, y1, x2, y2`.
        letterbox: How the image lies in the network input.
    """
    # Between four positive neighbours everything is positive, and has a pixel of the image unless
    # that is coarser than the prototypes.
    is_fine = max(letterbox.gains) * logits.shape[2] <= letterbox.input_size[1]
    low = np.ceil(boxes[:, :2] - 0.5).clip(0).astype(np.int32)
    high = np.floor(boxes[:, 2:] + 0.5).clip(0).astype(np.int32)
    visible = np.zeros(len(logits), dtype=np.bool_)
    for i, (logit, (x1, y1), (x2, y2)) in enumerate(zip(logits, low, high, strict=True)):
        is_certain = is_fine and _has_2x2_block(logit[y1:y2, x1:x2])
        visible[i] = is_certain or masks.crops[i].any()
    return visible


def _has_2x2_block(logit: NDArray[np.float32]) -> bool:
    """Return whether a block of 2 x 2 pixels is positive."""
    inside = logit > 0
    pairs = inside[1:] & inside[:-1]
    return bool((pairs[:, 1:] & pairs[:, :-1]).any())


def _decode(logit: NDArray[np.float32], across: _Axis, down: _Axis, corner: list[int]) -> Crop:
    """Return the mask inside one rectangle, `x1, y1, x2, y2`, bool (y2 - y1, x2 - x1)."""
    x1, y1, x2, y2 = corner
    if x1 >= x2 or y1 >= y2:
        return np.zeros((y2 - y1, x2 - x1), dtype=np.bool_)
    columns, shift_x, left = across.window(x1, x2)
    rows, shift_y, top = down.window(y1, y2)
    grid = _shift_rows(_shift_rows(_take(logit, rows, columns), shift_y).T, shift_x).T
    full = cv2.resize(
        np.ascontiguousarray(grid),
        None,
        fx=1 / across.step,
        fy=1 / down.step,
        interpolation=cv2.INTER_LINEAR,
    )
    return np.asarray(full)[y1 - top : y2 - top, x1 - left : x2 - left] > 0


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
