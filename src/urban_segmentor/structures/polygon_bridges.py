"""Bridges between the parts and holes of a mask, so that one ring goes around all of them."""

from __future__ import annotations

from itertools import combinations
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ScalarT = TypeVar("ScalarT", bound=np.generic)

_Span: TypeAlias = tuple[int, int, int, int]
"""A border and a place on it, and another border and a place on that."""

_FEW_PIXELS, _FEW_BORDERS = 1500, 12  # so many are compared one by one
_NEAR = 2**15  # coordinates whose squares do not overflow


class RingBorder(NamedTuple):
    """The border of a part or a hole.

    Attributes:
        pixels: int32 (K, 2), x and y, step by step.
        is_corner: bool (K,), where its direction changes.
    """

    pixels: NDArray[np.int32]
    is_corner: NDArray[np.bool_]


class Bridge(NamedTuple):
    """How one border hangs on another: `borders[parent][at]` to its own pixel `landing`."""

    parent: int
    at: int
    landing: int


class _Way(NamedTuple):
    """Vertices in the order of a walk: the first, int32 (1, 2), then pieces and ways within."""

    first: NDArray[np.int32]
    rest: list[NDArray[np.int32] | _Way]


def borders_of(corners: Sequence[NDArray[np.int32]]) -> list[RingBorder]:
    """Return borders step by step.

    Args:
        corners: int32 (K, 2) each, x and y of pixels; ways between them are straight or diagonal.
    """
    counts = np.array([len(border) for border in corners])
    points = np.concatenate(corners)
    ends = np.cumsum(counts)
    after = np.arange(1, len(points) + 1)
    after[ends - 1] = ends - counts
    ways = points[after] - points
    lengths = np.maximum(np.abs(ways).max(axis=1), 1)  # a dot is one step
    ways //= lengths[:, None]
    stops = np.cumsum(lengths)
    firsts = stops - lengths
    steps = np.arange(stops[-1], dtype=np.int32) - np.repeat(firsts, lengths).astype(np.int32)
    pixels = np.repeat(points, lengths, axis=0) + np.repeat(ways, lengths, axis=0) * steps[:, None]
    is_corner = np.zeros(len(pixels), dtype=np.bool_)
    is_corner[firsts] = True
    found: list[RingBorder] = []
    start = 0
    for stop in stops[ends - 1].tolist():
        found.append(RingBorder(pixels[start:stop], is_corner[start:stop]))
        start = stop
    return found


def joined_ring(borders: Sequence[RingBorder], bridges: dict[int, Bridge]) -> NDArray[np.int32]:
    """Return the way around the first border and all that hangs on it, int32 (K, 2), pixels.

    The vertex before a bridge stands twice on the way there and three times on the way back.

    Args:
        borders: The borders.
        bridges: How each but the first hangs on another; those that others hang on come first.
    """
    hanging: list[list[tuple[int, _Way]]] = [[] for _ in borders]
    # A border is reached after the one that it hangs on, so backwards all that hangs on it is done.
    for own, bridge in reversed(bridges.items()):
        walk = _walk(borders[own], hanging[own], start=bridge.landing)
        hanging[bridge.parent].append((bridge.at, walk))
    return _flat(_walk(borders[0], hanging[0], start=None))


def shortest_bridges(borders: Sequence[RingBorder]) -> dict[int, Bridge]:
    """Return bridges of which the longest is as short as can be.

    The bridges are a shortest spanning tree (Kruskal) over the borders.

    Args:
        borders: The borders; the first hangs on nothing.
    """
    if len(borders) <= _FEW_BORDERS and sum(len(one.pixels) for one in borders) <= _FEW_PIXELS:
        spans = _nearest(borders)
    else:
        spans = _neighbouring(borders)
    neighbours: list[list[tuple[int, int, int]]] = [[] for _ in borders]
    leaders = list(range(len(borders)))
    for one, at, other, other_at in spans:
        leader, other_leader = _leader(leaders, one), _leader(leaders, other)
        if leader != other_leader:
            leaders[leader] = other_leader
            neighbours[one].append((other, at, other_at))
            neighbours[other].append((one, other_at, at))
    bridges: dict[int, Bridge] = {}
    reached = [0]
    for border in reached:
        for other, at, other_at in neighbours[border]:
            if other != 0 and other not in bridges:
                bridges[other] = Bridge(border, at, other_at)
                reached.append(other)
    return bridges


def bridges_of_holes(borders: Sequence[RingBorder], mask: NDArray[np.bool_]) -> dict[int, Bridge]:
    """Return the bridges of the holes of one part.

    They go straight to the left, over pixels of the mask, so that they paint nothing that is not
    the mask's, however long they are.

    Args:
        borders: The outer border, and those of the holes.
        mask: bool (h, w), the mask; other parts in it do not matter.
    """
    width = mask.shape[1]
    outer, *rims = (border.pixels for border in borders)
    leftmost = [int(rim[:, 0].argmin()) for rim in rims]
    starts = [(*rim[i].tolist(), i) for rim, i in zip(rims, leftmost, strict=True)]
    # What a hole's bridge meets first is the rim of a hole further to the left, or the outside.
    order = sorted(range(len(starts)), key=starts.__getitem__)
    ranked = [outer, *(rims[i] for i in order)]
    keys = np.concatenate(ranked) @ np.array([1, width], dtype=np.int32)
    ends = np.cumsum([len(border) for border in ranked])
    sorter = np.argsort(keys, kind="stable")
    landings: list[int] = []
    for i in order:
        x, y, _ = starts[i]
        landings.append(mask[y, : x + 1].tobytes().rfind(b"\0") + 1 + y * width)
    met = sorter[np.searchsorted(keys, landings, sorter=sorter)]
    owners: list[int] = np.searchsorted(ends, met, side="right").tolist()
    bridges: dict[int, Bridge] = {}
    for i, owner, at in zip(order, owners, met.tolist(), strict=True):
        before = int(ends[owner - 1]) if owner else 0
        parent = order[owner - 1] + 1 if owner else 0
        bridges[i + 1] = Bridge(parent, at - before, starts[i][2])
    return bridges


def _nearest(borders: Sequence[RingBorder]) -> list[_Span]:
    """Return the nearest pixels of each two of a few borders, the nearest first."""
    # 64 bits cost twice the time, and only sides of over 32,768 pixels need them.
    small = max(int(border.pixels.max()) for border in borders) < _NEAR
    columns = [
        np.ascontiguousarray(border.pixels.T, dtype=np.int32 if small else np.int64)
        for border in borders
    ]
    found: list[tuple[int, _Span]] = []
    for one, other in combinations(range(len(columns)), 2):
        (x, y), (other_x, other_y) = columns[one], columns[other]
        squares = np.subtract.outer(x, other_x)
        squares *= squares
        down = np.subtract.outer(y, other_y)
        down *= down
        squares += down
        at, other_at = divmod(int(squares.argmin()), len(other_x))
        found.append((int(squares[at, other_at]), (one, at, other, other_at)))
    return [span for _, span in sorted(found)]


def _neighbouring(borders: Sequence[RingBorder]) -> list[_Span]:
    """Return pairs of border pixels that may become bridges, the nearest first.

    They are the nearest ones of all borders whose regions touch when every pixel of the picture
    goes to its nearest border.
    """
    lengths = [len(border.pixels) for border in borders]
    points = np.concatenate([border.pixels for border in borders])
    own = np.repeat(np.arange(len(borders)), lengths)
    place = np.concatenate([np.arange(length) for length in lengths])
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
    one, other = pairs[np.sort(first)].T
    spans = np.stack([own[one], place[one], own[other], place[other]], axis=1).tolist()
    return [(a, at, b, other_at) for a, at, b, other_at in spans]


def _leader(leaders: list[int], border: int) -> int:
    """Return the border that stands for all that are joined to this one, halving the way there."""
    while leaders[border] != border:
        leaders[border] = leaders[leaders[border]]
        border = leaders[border]
    return border


def _from(items: NDArray[ScalarT], start: int) -> NDArray[ScalarT]:
    """Return the items of a closed way from another start; `np.roll` takes five times as long."""
    return np.concatenate([items[start:], items[:start]])


def _walk(border: RingBorder, hanging: Sequence[tuple[int, _Way]], *, start: int | None) -> _Way:
    """Return the way around a border and around all that hangs on it.

    Args:
        border: The border.
        hanging: The place on the border and the way, for each border that hangs on this one.
        start: Where a bridge lands and the way must end, or None for a way that closes itself.
    """
    turn = start or 0
    length = len(border.pixels)
    needed = border.is_corner.copy()
    needed[[turn, *(at for at, _ in hanging)]] = True
    pixels, needed = _from(border.pixels, turn), _from(needed, turn)
    pieces: list[NDArray[np.int32] | _Way] = []
    done = 1
    in_order = sorted((((at - turn) % length, way) for at, way in hanging), key=itemgetter(0))
    for at, way in in_order:
        here, there = pixels[at : at + 1], way.first
        pieces.append(pixels[done : at + 1][needed[done : at + 1]])
        if (here == there).all():
            pieces.append(_Way(there[:0], way.rest))  # a hole that touches the rim: no bridge
        else:
            pieces += [here, way, there, there, here]
        done = at + 1
    pieces.append(pixels[done:][needed[done:]])
    if start is not None and length > 1:
        pieces.append(pixels[:1])
    return _Way(pixels[:1], pieces)


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
