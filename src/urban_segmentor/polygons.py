"""Masks as polygons and back, exact to the pixel.

A ring runs through the *centres* of the outermost pixels of a part, so its coordinates end in .5;
the outermost pixels belong to it. Cut down to whole numbers, as OpenCV's `fillPoly` and the
training of Ultralytics do, the coordinates are the pixels themselves, which is why they still
hit the same pixels after being divided by the image's sides and rounded to six decimals (for
sides below a million pixels).

What is kept: every pixel of every part, lines one pixel wide, single pixels and holes, whichever
function made the rings, when `polygons_to_mask` reads them. What is lost: `cv2.fillPoly` alone
also paints the bridges of `bridged_polygon`, lines one pixel wide between the parts of an object,
each as short as can be, and between a hole and its rim, which mostly lie on the object anyway.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import cv2
import numpy as np

from urban_segmentor.errors import ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.masks import Crop

ScalarT = TypeVar("ScalarT", bound=np.generic)

MAX_COORDINATE = 2**20
"""Coordinates beyond are refused: `fillPoly` walks row by row through them."""


class _Bridge(NamedTuple):
    """How one border hangs on another: `borders[parent][at]` to its own pixel `landing`."""

    parent: int
    at: int
    landing: int


class _Way(NamedTuple):
    """Vertices in the order of a walk: the first, int32 (1, 2), then pieces and ways within."""

    first: NDArray[np.int32]
    rest: list[NDArray[np.int32] | _Way]


def mask_to_polygons(crop: Crop, *, origin: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Return the rings of a mask, each float32 (K, 2), x and y in pixels, K at least 1.

    Outer rings run counter-clockwise on the screen, holes clockwise: `is_hole` tells them apart.
    A ring of one or two points is a part that is one pixel wide.

    Args:
        crop: bool (h, w), the mask inside its rectangle.
        origin: x and y of the crop's top-left pixel in the image.
    """
    return [_centres(border[_turns(border)], origin) for border in _borders(crop)]


def is_hole(ring: NDArray[np.float32]) -> bool:
    """Return whether a ring of `mask_to_polygons` bounds a hole.

    Args:
        ring: float32 (K, 2), x and y in pixels.
    """
    x, y = (ring - ring[0]).astype(np.float64).T
    return bool(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) > 0)


def bridged_polygon(crop: Crop, *, origin: tuple[int, int]) -> NDArray[np.float32]:
    """Return the mask as one ring, float32 (K, 2), x and y in pixels, K at least 3.

    Parts and holes hang on the longest ring by bridges that are walked there and back, so they
    enclose nothing. The vertex before a bridge stands twice on the way there and three times on
    the way back, which is how `polygons_to_mask` knows bridges from lines of the mask.

    Args:
        crop: bool (h, w), the mask inside its rectangle; without pixels the ring is (0, 2).
        origin: x and y of the crop's top-left pixel in the image.
    """
    borders = sorted(_borders(crop), key=len, reverse=True)
    if not borders:
        return np.zeros((0, 2), dtype=np.float32)
    bridges = _shortest_bridges(borders)
    hanging: list[list[tuple[int, _Way]]] = [[] for _ in borders]
    # A border is reached after the one that it hangs on, so backwards all that hangs on it is done.
    for own, bridge in reversed(bridges.items()):
        walk = _walk(borders[own], hanging[own], start=bridge.landing)
        hanging[bridge.parent].append((bridge.at, walk))
    ring = _flat(_walk(borders[0], hanging[0], start=None))
    if len(ring) < 3:
        ring = ring[[0, -1, 0]]
    return _centres(ring, origin)


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
    paths: list[NDArray[np.int32]] = []
    for i, ring in enumerate(rings):
        if ring.ndim != 2 or ring.shape[1] != 2:
            raise ShapeError(f"`rings[{i}]` must be (K, 2), got {ring.shape}")
        if not np.all(np.abs(ring) <= MAX_COORDINATE):
            raise ShapeError(f"`rings[{i}]` must lie within {MAX_COORDINATE} pixels of the origin")
        if len(ring):
            paths.extend(_without_bridges(np.floor(ring).astype(np.int32)))
    canvas = np.zeros(image_size, dtype=np.uint8)
    if paths and canvas.size:
        cv2.fillPoly(canvas, paths, (1,))
    return canvas.view(np.bool_)


def _borders(crop: Crop) -> list[NDArray[np.int32]]:
    """Return the border pixels of all parts and holes, each int32 (K, 2), step by step."""
    if not crop.any():
        return []
    pixels = np.ascontiguousarray(crop).view(np.uint8)
    found, _ = cv2.findContours(pixels, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(border, dtype=np.int32).reshape(-1, 2) for border in found]


def _turns(border: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which border pixels a ring needs: those where its direction changes, bool (K,)."""
    if len(border) == 1:
        return np.ones(1, dtype=np.bool_)
    steps = np.diff(border, axis=0, prepend=border[-1:])
    return np.any(steps != _from(steps, 1), axis=1)


def _from(items: NDArray[ScalarT], start: int) -> NDArray[ScalarT]:
    """Return the items of a closed way from another start; `np.roll` takes five times as long."""
    return np.concatenate([items[start:], items[:start]])


def _centres(pixels: NDArray[np.int32], origin: tuple[int, int]) -> NDArray[np.float32]:
    """Return the centres of crop pixels in image coordinates, float32 (K, 2)."""
    return (pixels + np.asarray(origin, dtype=np.float64) + 0.5).astype(np.float32)


def _shortest_bridges(borders: Sequence[NDArray[np.int32]]) -> dict[int, _Bridge]:
    """Return the bridge of each border but the first, in the order in which they are reached.

    The bridges are a shortest spanning tree (Kruskal) over the borders whose regions touch when
    every pixel of the picture goes to its nearest border.
    """
    if len(borders) == 1:
        return {}
    points = np.concatenate(borders)
    lengths = [len(border) for border in borders]
    own = np.repeat(np.arange(len(borders)), lengths)
    place = np.concatenate([np.arange(length) for length in lengths])
    neighbours: list[list[tuple[int, int]]] = [[] for _ in borders]
    leaders = list(range(len(borders)))
    for a, b in _candidates(points, own).tolist():
        one, other = _leader(leaders, int(own[a])), _leader(leaders, int(own[b]))
        if one != other:
            leaders[one] = other
            neighbours[own[a]].append((a, b))
            neighbours[own[b]].append((b, a))
    bridges: dict[int, _Bridge] = {}
    reached = [0]
    for border in reached:
        for a, b in neighbours[border]:
            other = int(own[b])
            if other != 0 and other not in bridges:
                bridges[other] = _Bridge(border, int(place[a]), int(place[b]))
                reached.append(other)
    return bridges


def _leader(leaders: list[int], border: int) -> int:
    """Return the border that stands for all that are joined to this one, halving the way there."""
    while leaders[border] != border:
        leaders[border] = leaders[leaders[border]]
        border = leaders[border]
    return border


def _candidates(points: NDArray[np.int32], own: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return pairs of border pixels that may become bridges, the nearest first, intp (M, 2).

    Args:
        points: int32 (P, 2), the pixels of all borders.
        own: intp (P,), which border each belongs to.
    """
    width, height = points.max(axis=0) + 1
    holder = np.full((height, width), -1, dtype=np.intp)
    holder[points[:, 1], points[:, 0]] = np.arange(len(points))
    free = (holder < 0).astype(np.uint8)
    _, found = cv2.distanceTransformWithLabels(
        free, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(found, dtype=np.int32)
    of_label = np.zeros(int(labels.max()) + 1, dtype=np.int32)
    of_label[labels[free == 0]] = holder[free == 0]
    territory = own.astype(np.int32)[of_label][labels]
    # A pixel on two borders, in a wall one pixel thick, is held by one of them only.
    pairs = [np.stack([holder[points[:, 1], points[:, 0]], np.arange(len(points))], axis=1)]
    for step, wraps in ((1, True), (width, False)):  # to the right, down
        one, other = territory.ravel()[:-step], territory.ravel()[step:]
        at = np.flatnonzero(one != other)
        at = at[(at + 1) % width > 0] if wraps else at
        near = of_label[np.stack([labels.ravel()[at], labels.ravel()[at + step]], axis=1)]
        pairs.append(near.astype(np.intp))
    pairs = np.concatenate(pairs)
    pairs = pairs[own[pairs[:, 0]] != own[pairs[:, 1]]]
    steps = points[pairs[:, 0]] - points[pairs[:, 1]]
    pairs = pairs[np.argsort((steps.astype(np.int64) ** 2).sum(axis=1), kind="stable")]
    sides = np.sort(own[pairs], axis=1)
    _, first = np.unique(sides[:, 0] * len(own) + sides[:, 1], return_index=True)
    return pairs[np.sort(first)]


def _walk(
    border: NDArray[np.int32], hanging: Sequence[tuple[int, _Way]], *, start: int | None
) -> _Way:
    """Return the way around a border and around all that hangs on it.

    Args:
        border: int32 (K, 2).
        hanging: The place on the border and the way, for each border that hangs on this one.
        start: Where a bridge lands and the way must end, or None for a way that closes itself.
    """
    turn = start or 0
    length = len(border)
    needed = _turns(border)
    needed[[turn, *(at for at, _ in hanging)]] = True
    border, needed = _from(border, turn), _from(needed, turn)
    pieces: list[NDArray[np.int32] | _Way] = []
    done = 1
    in_order = sorted((((at - turn) % length, way) for at, way in hanging), key=itemgetter(0))
    for at, way in in_order:
        here, there = border[at : at + 1], way.first
        pieces.append(border[done : at + 1][needed[done : at + 1]])
        if (here == there).all():
            pieces.append(_Way(there[:0], way.rest))  # a hole that touches the rim: no bridge
        else:
            pieces += [here, way, there, there, here]
        done = at + 1
    pieces.append(border[done:][needed[done:]])
    if start is not None and length > 1:
        pieces.append(border[:1])
    return _Way(border[:1], pieces)


def _flat(way: _Way) -> NDArray[np.int32]:
    """Return the vertices of a way, int32 (K, 2); a loop, as noise nests thousands deep."""
    vertices: list[NDArray[np.int32]] = []
    waiting: list[NDArray[np.int32] | _Way] = [way]
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, _Way):
            vertices.append(piece.first)
            waiting.extend(reversed(piece.rest))
        else:
            vertices.append(piece)
    return np.concatenate(vertices)


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
