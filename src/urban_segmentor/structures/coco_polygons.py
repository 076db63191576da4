"""Polygons of COCO annotations as masks, equal to those of pycocotools to the pixel.

COCO means the edges of pixels where the rings of `structures.polygons` mean their centres: the
square of 3 x 3 pixels at the origin is `0 0 3 0 3 3 0 3`. An annotation has one polygon a part;
the parts add up, and there are no holes.

The border is walked in fifths of a pixel. Where it steps over the middle of a column of pixels,
the column changes between outside and inside, from the first pixel whose middle lies below on.

Source: `rleFrPoly` in `maskApi.c` of cocoapi, which pycocotools wraps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.polygons import MAX_COORDINATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.masks import Crop

_FINE = 5  # steps a pixel
_MIDDLE = 2  # the last of them before the middle of the pixel


def coco_polygons_to_crop(
    polygons: Sequence[NDArray[np.float64]], *, image_size: tuple[int, int]
) -> tuple[Crop, tuple[int, int]]:
    """Return the mask of one annotation as a tight bool (h, w) crop, and x and y of its corner.

    Args:
        polygons: float64 (K, 2) each, K at least 3, x and y in pixels; what lies outside the
            image is cut off.
        image_size: Height and width of the image, pixels.

    Raises:
        ShapeError: A polygon has another shape, or a coordinate is not finite or beyond 2**20.
    """
    height = image_size[0]
    crossings: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for i, polygon in enumerate(polygons):
        if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3:
            raise ShapeError(f"polygon {i} must have at least 3 points, got {polygon.shape}")
        if not np.all(np.abs(polygon) <= MAX_COORDINATE):
            raise ShapeError(f"polygon {i} must lie within {MAX_COORDINATE} pixels of the origin")
        crossings.append(_crossings(polygon, image_size=image_size))
    columns = np.concatenate([column for column, _ in crossings] or [np.zeros(0, np.int64)])
    if not len(columns):
        return np.zeros((0, 0), dtype=np.bool_), (0, 0)
    left, right = int(columns.min()), int(columns.max()) + 1
    union = np.zeros((right - left, height), dtype=np.bool_)
    for column, row in crossings:
        changes = np.bincount((column - left) * height + row, minlength=union.size + 1)
        # A change below the last row belongs to the head of the next column, where it cancels
        # the one that the parity carries on.
        inside = np.bitwise_xor.accumulate((changes[:-1] & 1).astype(np.bool_))
        union |= inside.reshape(union.shape)
    return _tight(union.T, left)


def _crossings(
    polygon: NDArray[np.float64], *, image_size: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where a border steps over the middle of columns: columns and rows, int64 (M,)."""
    height, width = image_size
    u, v = _fine_border(polygon)
    steps = np.flatnonzero(np.diff(u))
    before = np.minimum(u[steps], u[steps + 1] - (u[steps + 1] >= u[steps]))
    column, rest = np.divmod(before, _FINE)
    over = (rest == _MIDDLE) & (column >= 0) & (column < width)
    upper = np.minimum(v[steps], v[steps + 1])[over]
    rows = np.clip(-((_MIDDLE - upper) // _FINE), 0, height)
    return column[over], rows


def _fine_border(polygon: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every step along a closed polygon in fifths of a pixel, x and y, int64 (M,)."""
    # Rounding is that of a cast in C: half up above zero, towards zero below.
    points = np.trunc(_FINE * polygon + 0.5).astype(np.int64)
    ends = np.roll(points, -1, axis=0)
    spans = np.abs(ends - points)
    is_flat = spans[:, 0] >= spans[:, 1]
    along = np.where(is_flat, 0, 1)
    rows = np.arange(len(points))
    backwards = points[rows, along] > ends[rows, along]
    starts = np.where(backwards[:, None], ends, points)
    rises = np.where(backwards[:, None], points, ends)[rows, 1 - along] - starts[rows, 1 - along]
    lengths = spans[rows, along]
    slopes = rises / np.maximum(lengths, 1)

    counts = lengths + 1
    edge = np.repeat(rows, counts)
    place = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    step = np.where(backwards[edge], lengths[edge] - place, place)
    main = starts[rows, along][edge] + step
    side = starts[rows, 1 - along][edge] + slopes[edge] * step
    across = np.trunc(side + 0.5).astype(np.int64)
    flat = is_flat[edge]
    return np.where(flat, main, across), np.where(flat, across, main)


def _tight(mask: NDArray[np.bool_], left: int) -> tuple[Crop, tuple[int, int]]:
    """Return a mask, bool (H, w), without its empty borders, and x and y of its corner."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.zeros((0, 0), dtype=np.bool_), (0, 0)
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(crop), (left + int(columns[0]), int(rows[0]))
