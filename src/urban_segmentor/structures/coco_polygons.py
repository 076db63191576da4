"""Polygons filled as COCO fills them, to the pixel.

COCO walks along a polygon on a grid five times as fine. Wherever the walk changes its column it
notes at which row; a pixel belongs to the mask when an odd number of such notes lies above it.

Source: `rleFrPoly` in `maskApi.c` of cocoapi, which pycocotools wraps; the masks are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.polygons import MAX_COORDINATE
from urban_segmentor.structures.rle import decode_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.masks import Crop

_FINER = 5.0
_MAX_OUTLINE_PX = 2**22
"""Length of the polygons of one object: twice a frame's pixels."""


def coco_polygons_to_mask(
    rings: Sequence[NDArray[np.float64]], *, image_size: tuple[int, int]
) -> tuple[Crop, tuple[int, int]]:
    """Return the union of polygons, bool (h, w) without empty borders, and its x and y.

    Args:
        rings: float64 (K, 2) each, x and y in pixels, K at least 1.
        image_size: Height and width of the picture, pixels.

    Raises:
        ShapeError: A coordinate is not finite or beyond 2**20, or all are too long to walk along.
    """
    for i, ring in enumerate(rings):
        if not np.all(np.abs(ring) <= MAX_COORDINATE):
            raise ShapeError(f"`rings[{i}]` must lie within {MAX_COORDINATE} pixels of the origin")
    length = sum(float(np.abs(np.diff(r, axis=0, append=r[:1])).max(axis=1).sum()) for r in rings)
    if length > _MAX_OUTLINE_PX:
        raise ShapeError(f"the polygons are {length:.0f} pixels long, at most {_MAX_OUTLINE_PX}")
    height, width = image_size
    if not rings or not height or not width:
        return np.zeros((0, 0), dtype=np.bool_), (0, 0)
    # Each column is entered as often as it is left, so notes in order begin and end runs.
    notes = np.concatenate([np.sort(_toggles(r, height=height, width=width)) for r in rings])
    runs = notes.reshape(-1, 2)
    runs = runs[runs[:, 0] < runs[:, 1]]
    begins, ends = runs[np.argsort(runs[:, 0])].T
    reach = np.maximum.accumulate(ends)
    is_new = np.append(True, begins[1:] > reach[:-1])[: len(begins)]  # touches no run before
    is_last = np.append(is_new[1:], True)[: len(begins)]
    borders = np.stack([begins[is_new], reach[is_last]], axis=1).ravel()
    counts = np.diff(borders, prepend=0, append=height * width)
    return decode_counts(counts, image_size=image_size)


def _toggles(ring: NDArray[np.float64], *, height: int, width: int) -> NDArray[np.int64]:
    """Return where, down the columns, inside and outside change places, int64 (P,)."""
    x, y = _walked(np.trunc(ring * _FINER + 0.5).astype(np.int64))
    changes = np.flatnonzero(x[1:] != x[:-1])
    before, after = x[changes], x[changes + 1]
    column = (np.where(after < before, after, after - 1) + 0.5) / _FINER - 0.5
    kept = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    row = (np.minimum(y[changes], y[changes + 1])[kept] + 0.5) / _FINER - 0.5
    row = np.ceil(np.clip(row, 0, height)).astype(np.int64)
    return column[kept].astype(np.int64) * height + row


def _walked(corners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return x and y of each step around a ring, int64 (S,) both, from corner to corner."""
    begin, end = corners, np.roll(corners, -1, axis=0)
    far = np.abs(end - begin)
    is_flat = far[:, 0] >= far[:, 1]
    axis = np.where(is_flat, 0, 1)
    lines = np.arange(len(corners))
    # Each line is walked towards larger numbers, whichever way round the ring goes.
    backward = begin[lines, axis] > end[lines, axis]
    low = np.where(backward[:, None], end, begin)
    high = np.where(backward[:, None], begin, end)
    length = far[lines, axis]
    rise = (high - low)[lines, 1 - axis]
    slope = np.divide(rise, length, out=np.zeros(len(lines)), where=length > 0)
    line = np.repeat(lines, length + 1)
    step = np.arange(len(line)) - np.repeat(np.cumsum(length + 1) - length - 1, length + 1)
    at = np.where(backward[line], length[line] - step, step)
    along = low[line, axis[line]] + at
    across = np.trunc(low[line, 1 - axis[line]] + slope[line] * at + 0.5).astype(np.int64)
    return (
        np.where(is_flat[line], along, across),
        np.where(is_flat[line], across, along),
    )
