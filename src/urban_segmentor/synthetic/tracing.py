"""A frame's maps as polygons that give them back when they are drawn in order.

As annotators do it: what is far is drawn first and reaches under what is near, objects of several
visible parts are one polygon, whose bridges disappear under what hides the rest of the object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw

from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_NAMES
from urban_segmentor.structures.polygons import bridged_polygon

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from urban_segmentor.structures.masks import Crop

_FAR_TO_NEAR = (
    *("sky", "building", "wall", "fence", "road", "sidewalk", "terrain", "vegetation"),
    *("pole", "traffic light", "traffic sign"),
)
_THIN = 8  # from here on classes are drawn between the objects, not under them
_BEHIND_LEAVES = ("sky", "building", "wall", "fence")
_REACH_SHARE = 1 / 64  # of the height: gaps up to twice as wide are closed
_SPECK_SHARE = 1 / 128  # of the height: the side of a square that small parts are smaller than


class Polygon(NamedTuple):
    """One polygon of a frame.

    Attributes:
        label: Cityscapes name of its class.
        points: int32 (K, 2), x and y of pixels, K at least 3.
        track_id: Of the object, or 0 for stuff.
    """

    label: str
    points: NDArray[np.int32]
    track_id: int


@dataclass(slots=True, eq=False, kw_only=True)
class _Piece:
    """Something that is drawn as a whole, among others that may lie before it or behind it."""

    label: str
    track_id: int
    crop: Crop
    origin: tuple[int, int]
    filled: bool = True
    points: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    covers: dict[int, int] = field(default_factory=dict[int, int])

    def window(self, image: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the part of a picture, int32 (H, W), that the crop lies over."""
        (x, y), (height, width) = self.origin, self.crop.shape
        return image[y : y + height, x : x + width]

    def outline(self, owners: NDArray[np.int32], own: int) -> None:
        """Find the polygon, and how many pixels of which other pieces it covers.

        Args:
            owners: int32 (H, W), which piece each pixel shows, -1 for none.
            own: This piece there.
        """
        crop = self._reaching(owners, own) if self.filled else self.crop
        self.points = _ring(crop, self.origin)
        drawn = _drawn(self.points - self.origin, size=(crop.shape[0], crop.shape[1]))
        under = self.window(owners)[drawn]
        found, pixels = np.unique(under, return_counts=True)
        counts = dict(zip(found.tolist(), pixels.tolist(), strict=True))
        self.covers = {piece: n for piece, n in counts.items() if piece not in {own, -1}}

    def _reaching(self, owners: NDArray[np.int32], own: int) -> Crop:
        """Return the mask without holes, which goes on under what is nearer, as annotators guess.

        Args:
            owners: int32 (H, W), higher for what is nearer.
            own: This piece there.
        """
        hull = np.zeros(self.crop.shape, dtype=np.uint8)
        corners = cv2.convexHull(np.argwhere(self.crop)[:, ::-1].astype(np.int32))
        cv2.fillConvexPoly(hull, corners, (1,))
        return _without_holes(self.crop | ((hull > 0) & (self.window(owners) > own)))


def trace(class_map: NDArray[np.uint8], instance_map: NDArray[np.int32]) -> list[Polygon]:
    """Return polygons in drawing order; later ones cover earlier ones.

    Each object is one polygon. Each pixel shows its class and its object when Pillow draws them,
    unless several objects are so much entangled that no order is right.

    Args:
        class_map: uint8 (H, W), train ids.
        instance_map: int32 (H, W), track ids, 0 where there is no object.
    """
    polygons = [*_backgrounds(class_map, instance_map), *_in_order(class_map, instance_map)]
    wrong = draw_labels(polygons, size=(class_map.shape[0], class_map.shape[1]))
    missed = (wrong != class_map) & (instance_map == 0)
    for label in _FAR_TO_NEAR:
        patch = missed & (class_map == BY_NAME[label].train_id)
        polygons += [Polygon(label, _ring(*part), 0) for part in _parts(patch)]
    return polygons


def with_solid_trees(
    class_map: NDArray[np.uint8], instance_map: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Return the classes as annotators see them: what shows through leaves is the tree.

    Args:
        class_map: uint8 (H, W), train ids.
        instance_map: int32 (H, W), track ids, 0 where there is no object.
    """
    tree = BY_NAME["vegetation"].train_id
    closed = _closed(class_map == tree)
    behind = [BY_NAME[label].train_id or 0 for label in _BEHIND_LEAVES]
    pole = (class_map == BY_NAME["pole"].train_id) & (instance_map == 0)
    through = np.isin(class_map, behind) | (pole & ~_large(pole))  # a whole pole stands before it
    through &= closed & (instance_map == 0)
    return np.where(through, np.uint8(tree or 0), class_map)


def draw_labels(polygons: list[Polygon], *, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the train ids that polygons give when drawn in order, uint8 (H, W), 255 for none.

    Args:
        polygons: In drawing order.
        size: Height and width, pixels.
    """
    canvas = Image.new("L", (size[1], size[0]), 255)
    draw = ImageDraw.Draw(canvas)
    for label, points, _ in polygons:
        draw.polygon(points.ravel().tolist(), fill=BY_NAME[label].train_id)
    return np.asarray(canvas)


def _backgrounds(
    class_map: NDArray[np.uint8], instance_map: NDArray[np.int32]
) -> Iterator[Polygon]:
    """Yield the regions that all else stands before, the far ones first."""
    later = np.ones(class_map.shape, dtype=np.bool_)
    for label in _FAR_TO_NEAR[:_THIN]:
        own = (class_map == BY_NAME[label].train_id) & (instance_map == 0)
        later &= ~own
        if not own.any():
            continue
        reaching = own | (_closed(own) & later)
        for crop, (x, y) in _parts(reaching):
            if own[y : y + crop.shape[0], x : x + crop.shape[1]][crop].any():
                yield Polygon(label, _ring(crop, (x, y)), 0)


def _closed(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask, bool (H, W), without its narrow gaps."""
    reach = max(round(mask.shape[0] * _REACH_SHARE), 1)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_CLOSE, brush)) > 0


def _large(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask, bool (H, W), without its small parts."""
    _, numbers, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    enough = boxes[:, cv2.CC_STAT_AREA] > (mask.shape[0] * _SPECK_SHARE) ** 2
    enough[0] = False
    return enough[numbers]


def _in_order(class_map: NDArray[np.uint8], instance_map: NDArray[np.int32]) -> Iterator[Polygon]:
    """Yield objects and thin stuff such that each comes after those whose polygons cover it."""
    pieces = [*_objects(class_map, instance_map), *_thin(class_map, instance_map)]
    # What stands lower in the picture is nearer.
    pieces.sort(key=lambda piece: piece.origin[1] + len(piece.crop))
    owners = np.full(class_map.shape, -1, dtype=np.int32)
    for number, piece in enumerate(pieces):
        piece.window(owners)[piece.crop] = number
    for number, piece in enumerate(pieces):
        piece.outline(owners, number)
    waiting = list(range(len(pieces)))
    done: set[int] = set()  # objects drawn; stuff that is covered is patched at the end
    while waiting:
        lost = _lost_pixels(pieces, waiting)
        chosen = next((number for number in waiting if not lost[number]), None)
        if chosen is None:
            knotted = [i for i in waiting if pieces[i].filled and pieces[i].covers]
            for number in knotted:  # holes that show others are left open, which takes more points
                pieces[number].filled = False
                pieces[number].outline(owners, number)
            if knotted:
                continue
            ranked = sorted(waiting, key=lambda i: (pieces[i].track_id > 0, lost[i]))
            chosen = _harmless(pieces, ranked, owners, done)
        piece = pieces[chosen]
        if not done.isdisjoint(piece.covers):
            piece.crop = _joined(piece.crop, ~np.isin(piece.window(owners), list(done)))
            piece.outline(owners, chosen)
        waiting.remove(chosen)
        if piece.track_id:
            done.add(chosen)
        yield Polygon(piece.label, piece.points, piece.track_id)


def _harmless(
    pieces: list[_Piece], ranked: list[int], owners: NDArray[np.int32], done: set[int]
) -> int:
    """Return the first piece that may be drawn now, as the parts of others find ways around it."""
    for number in ranked:
        around = [*done, number]
        covering = [pieces[i] for i in ranked if number in pieces[i].covers]
        if not pieces[number].track_id or all(
            _count(_joined(one.crop, ~np.isin(one.window(owners), around))) == 1 for one in covering
        ):
            return number
    return ranked[0]


def _lost_pixels(pieces: list[_Piece], waiting: list[int]) -> dict[int, int]:
    """Return how many pixels of each waiting piece the others would cover if it came first."""
    lost = dict.fromkeys(waiting, 0)
    for number in waiting:
        for other, pixels in pieces[number].covers.items():
            if other in lost:
                lost[other] += pixels
    return lost


def _objects(class_map: NDArray[np.uint8], instance_map: NDArray[np.int32]) -> Iterator[_Piece]:
    for track_id in np.flatnonzero(np.bincount(instance_map.ravel())).tolist():
        if track_id:
            mask = instance_map == track_id
            x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
            crop = mask[y : y + height, x : x + width]
            first = np.argmax(crop)
            class_id = int(class_map[y : y + height, x : x + width].ravel()[first])
            label = TRAIN_NAMES[class_id]
            yield _Piece(label=label, track_id=track_id, crop=crop, origin=(x, y))


def _thin(class_map: NDArray[np.uint8], instance_map: NDArray[np.int32]) -> Iterator[_Piece]:
    for label in _FAR_TO_NEAR[_THIN:]:
        own = (class_map == BY_NAME[label].train_id) & (instance_map == 0)
        for crop, origin in _parts(own):
            yield _Piece(label=label, track_id=0, crop=crop, origin=origin)


def _parts(mask: NDArray[np.bool_]) -> Iterator[tuple[Crop, tuple[int, int]]]:
    """Yield the connected parts of a mask, bool (H, W), cut out, and where they begin."""
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    for part in range(1, count):
        x, y, width, height = boxes[part, :4].tolist()
        yield numbers[y : y + height, x : x + width] == part, (x, y)


def _joined(crop: Crop, allowed: NDArray[np.bool_]) -> Crop:
    """Return a mask whose parts are joined by paths as short as can be, where there are any.

    Args:
        crop: bool (h, w).
        allowed: bool (h, w), where paths may run.
    """
    crop = crop.copy()
    while True:
        count, numbers = cv2.connectedComponents(crop.view(np.uint8), connectivity=8)
        if count <= 2:
            return crop
        steps = np.where(numbers == 1, 0, -1)
        other, now = numbers > 1, 0
        while not (other & (steps >= 0)).any():
            now += 1
            grown = cv2.dilate((steps >= 0).astype(np.uint8), np.ones((3, 3), np.uint8))
            fresh = (grown > 0) & (steps < 0) & allowed
            if not fresh.any():
                return crop
            steps[fresh] = now
        y, x = np.argwhere(other & (steps >= 0))[0].tolist()
        for step in range(now - 1, 0, -1):
            top, left = max(y - 1, 0), max(x - 1, 0)
            near = np.argwhere(steps[top : y + 2, left : x + 2] == step)
            y, x = (near[0] + (top, left)).tolist()
            crop[y, x] = True


def _count(crop: Crop) -> int:
    """Return how many parts a mask has."""
    return cv2.connectedComponents(crop.view(np.uint8), connectivity=8)[0] - 1


def _without_holes(crop: Crop) -> Crop:
    contours, _ = cv2.findContours(
        crop.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    filled = np.zeros(crop.shape, dtype=np.uint8)
    cv2.drawContours(filled, contours, -1, (1,), cv2.FILLED)
    return filled.view(np.bool_)


def _ring(crop: Crop, origin: tuple[int, int]) -> NDArray[np.int32]:
    """Return one ring around a mask, int32 (K, 2), on the pixels themselves as Pillow wants it."""
    return np.floor(bridged_polygon(crop, origin=origin)).astype(np.int32)


def _drawn(points: NDArray[np.int32], *, size: tuple[int, int]) -> NDArray[np.bool_]:
    image = Image.new("L", (size[1], size[0]), 0)
    ImageDraw.Draw(image).polygon(points.ravel().tolist(), fill=1)
    return np.asarray(image) > 0
