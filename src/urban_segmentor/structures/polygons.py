"""Masks as polygons and back, exact to the pixel.

A ring runs through the *centres* of the outermost pixels of a part, so its coordinates end in .5;
the outermost pixels belong to it. Cut down to whole numbers, as OpenCV's `fillPoly` and the
training of Ultralytics do, the coordinates are the pixels themselves, which is why they still
hit the same pixels after being divided by the image's sides and rounded to six decimals (for
sides below a million pixels).

What is kept: every pixel of every part, lines one pixel wide, single pixels and holes, whichever
function made the rings, when `polygons_to_mask` reads them. What is lost: `cv2.fillPoly` alone
also paints the bridges of `bridged_polygon` between the parts of an object, lines one pixel wide,
each as short as can be. Those between a hole and its rim lie on the object anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.polygon_bridges import (
    borders_of,
    bridges_of_holes,
    joined_ring,
    shortest_bridges,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.masks import Crop

MAX_COORDINATE = 2**20
"""Maximum absolute coordinate: `fillPoly` walks row by row through larger ones."""


class BridgedRing(NamedTuple):
    """A mask as one ring.

    Attributes:
        pixels: int32 (K, 2), x and y of its vertices, pixels.
        borders: How many borders of parts and holes it joins.
        parts: Parts of the mask; where there is one, `cv2.fillPoly` gives exactly the mask back,
            as bridges of holes lie on the mask.
    """

    pixels: NDArray[np.int32]
    borders: int
    parts: int


def mask_to_polygons(crop: Crop, *, origin: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Return the polygons of a mask, each float32 (K, 2), x and y in pixels, K at least 1.

    Outer rings run counter-clockwise on the screen, holes clockwise: `is_hole` tells them apart.
    A ring of one or two points is a part that is one pixel wide.

    Args:
        crop: bool (h, w), the mask inside its rectangle.
        origin: x and y of the crop's top-left pixel in the image.
    """
    return [_centres(corners, origin) for corners in _corners(crop)[0]]


def is_hole(ring: NDArray[np.float32]) -> bool:
    """Return True when a ring of `mask_to_polygons` bounds a hole.

    Args:
        ring: float32 (K, 2), x and y in pixels.
    """
    x, y = (ring - ring[0]).astype(np.float64).T
    return bool(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) > 0)


def bridged_polygon(crop: Crop, *, origin: tuple[int, int]) -> NDArray[np.float32]:
    """Return the mask as one ring, float32 (K, 2), x and y in pixels, K at least 3.

    Parts and holes hang on one another by bridges that are walked there and back, so they enclose
    nothing. The vertex before a bridge stands twice on the way there and three times on
    the way back, which is how `polygons_to_mask` knows bridges from lines of the mask.

    Args:
        crop: bool (h, w), the mask inside its rectangle; without pixels the ring is (0, 2).
        origin: x and y of the crop's top-left pixel in the image.
    """
    return _centres(bridged_ring(*_corners(crop), crop).pixels, origin)


def traced_borders(mask: NDArray[np.uint8]) -> tuple[list[NDArray[np.int32]], list[list[int]]]:
    """Return the corners of the borders of all parts and holes, and how they are kin.

    The corners are int32 (K, 2) for each border, x and y in pixels. Its kin are the next border
    beside it, the one before, its first hole, and what it is a hole of; -1 for none.

    Args:
        mask: uint8 (h, w), 0 or 1; parts are 8-connected.
    """
    found, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    corners = [np.asarray(border, dtype=np.int32)[:, 0] for border in found]
    return corners, np.asarray(tree)[0].tolist() if corners else []


def bridged_ring(
    corners: Sequence[NDArray[np.int32]], is_outer: Sequence[bool], mask: NDArray[np.bool_]
) -> BridgedRing:
    """Return the ring of `bridged_polygon` in whole pixels of the mask, and what it joins.

    Args:
        corners: int32 (K, 2) each, the corners of the borders of all parts and holes, as
            `cv2.findContours` gives them.
        is_outer: True for each border of a part, False for that of a hole.
        mask: bool (h, w); what else is in it beside a single part does not matter.
    """
    parts = sum(is_outer)
    if len(corners) < 2:
        ring = corners[0] if corners else np.zeros((0, 2), dtype=np.int32)
    elif parts == 1:
        outer = is_outer.index(True)
        borders = borders_of([corners[outer], *corners[:outer], *corners[outer + 1 :]])
        ring = joined_ring(borders, bridges_of_holes(borders, mask))
    else:
        borders = sorted(borders_of(corners), key=lambda border: len(border.pixels), reverse=True)
        ring = joined_ring(borders, shortest_bridges(borders))
    if 0 < len(ring) < 3:
        ring = ring[[0, -1, 0]]  # dots and lines are walked there and back
    return BridgedRing(ring, borders=len(corners), parts=parts)


def polygons_to_mask(
    rings: Sequence[NDArray[np.float32]], *, image_size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return the mask of one object as bool (H, W).

    A pixel belongs to the mask when an odd number of rings is around it, or a ring runs over it.
    Bridges of `bridged_polygon` are not painted.

    Args:
        rings: float32 (K, 2) each, x and y in pixels, outer rings and holes in any order; what
            lies outside the image is cut off.
        image_size: Height and width of the image, pixels.

    Raises:
        ShapeError: A ring has another shape, or a coordinate is not finite or beyond 2**20.
    """
    for i, ring in enumerate(rings):
        _check_ring(ring, i)
    pixels = [np.floor(ring).astype(np.int32) for ring in rings if len(ring)]
    return _painted(pixels, size=image_size)


def rings_to_crop(
    rings: Sequence[NDArray[np.floating]], *, image_size: tuple[int, int]
) -> tuple[Crop, tuple[int, int]]:
    """Return the mask of one object as a bool (h, w) crop, and x and y of its top-left pixel.

    As `polygons_to_mask`, in a part of its time: only the rectangle of the rings is painted.

    Args:
        rings: float (K, 2) each, x and y in pixels; what lies outside the image is cut off.
        image_size: Height and width of the image, pixels.

    Raises:
        ShapeError: A ring has another shape, or a coordinate is not finite or beyond 2**20.
    """
    for i, ring in enumerate(rings):
        _check_ring(ring, i)
    pixels = [np.floor(ring).astype(np.int32) for ring in rings if len(ring)]
    if not pixels:
        return np.zeros((0, 0), dtype=np.bool_), (0, 0)
    corners = np.concatenate(pixels)
    first = np.clip(corners.min(axis=0), 0, image_size[::-1])
    (x1, y1), (x2, y2) = first, np.clip(corners.max(axis=0) + 1, 0, image_size[::-1])
    if x1 >= x2 or y1 >= y2:
        return np.zeros((0, 0), dtype=np.bool_), (0, 0)
    crop = _painted([ring - first for ring in pixels], size=(int(y2 - y1), int(x2 - x1)))
    return crop, (int(x1), int(y1))


def _check_ring(ring: NDArray[np.floating], i: int) -> None:
    if ring.ndim != 2 or ring.shape[1] != 2:
        raise ShapeError(f"`rings[{i}]` must be (K, 2), got {ring.shape}")
    if not np.all(np.abs(ring) <= MAX_COORDINATE):
        raise ShapeError(f"`rings[{i}]` must lie within {MAX_COORDINATE} pixels of the origin")


def _painted(rings: Iterable[NDArray[np.int32]], *, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a bool (H, W) canvas on which rings, int32 (K, 2), are painted without bridges."""
    paths = [path for ring in rings for path in _without_bridges(ring)]
    canvas = np.zeros(size, dtype=np.uint8)
    if paths and canvas.size:
        cv2.fillPoly(canvas, paths, (1,))
    return canvas.view(np.bool_)


def _corners(crop: Crop) -> tuple[list[NDArray[np.int32]], list[bool]]:
    """Return the corners of the borders of all parts and holes, int32 (K, 2); True for parts."""
    corners, kin = traced_borders(np.ascontiguousarray(crop).view(np.uint8))
    return corners, [row[3] < 0 for row in kin]


def _centres(pixels: NDArray[np.int32], origin: tuple[int, int]) -> NDArray[np.float32]:
    """Return the centres of crop pixels in image coordinates, float32 (K, 2)."""
    return (pixels + np.asarray(origin, dtype=np.float64) + 0.5).astype(np.float32)


def _without_bridges(ring: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """Yield the closed paths, int32 (K, 2), that are left of a ring when its bridges are cut."""
    fresh = np.append(True, np.any(ring[1:] != ring[:-1], axis=1))
    begins = np.flatnonzero(fresh)
    repeats = np.diff(begins, append=len(ring))[:-1]
    cuts, marks = begins[1:][repeats > 1], repeats[repeats > 1].tolist()
    head, *pieces = np.split(ring, cuts)
    whole: list[NDArray[np.int32]] = []
    open_paths: list[NDArray[np.int32]] = [head]
    for mark, piece in zip(marks, pieces, strict=True):
        if mark == 2:
            open_paths.append(piece)
        elif mark == 3 and len(open_paths) > 1 and (open_paths[-2][-1] == piece[0]).all():
            whole.append(open_paths.pop())
            open_paths[-1] = np.concatenate([open_paths[-1], piece])
        else:
            break
    else:
        if len(open_paths) == 1:
            yield from [*whole, *open_paths]
            return
    yield ring  # repeated vertices that are no bridges: somebody else's ring
