"""Which object each pixel of a frame shows, and what is to be seen of each object.

Pillow draws the polygons, as the official scripts do, so that every pixel is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw

from urban_segmentor.datasets.segments import Segments
from urban_segmentor.structures.label_maps import apply_lookup, resize_nearest
from urban_segmentor.structures.polygons import BridgedRing, bridged_ring, traced_borders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.annotation import Annotation, PolygonObject
    from urban_segmentor.datasets.dataset_classes import DatasetClasses, Stuff
    from urban_segmentor.structures.masks import Crop

_LAYER = 255  # objects that one 8-bit layer tells apart; those fill five times faster than 32 bits


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObjectMap:
    """The visible object of each pixel.

    Attributes:
        numbers: uint8 or uint16 (H, W), 0 where nothing was drawn, k for `objects[k - 1]`. All
            objects of one class of stuff, and all groups of one class of things, are drawn with
            the number of the first.
        objects: In drawing order.
    """

    numbers: NDArray[np.uint8 | np.uint16]
    objects: tuple[PolygonObject, ...]

    def instance_ids(self) -> NDArray[np.int32]:
        """Return the official `instanceIds`, int32 (H, W)."""
        table = np.array([0, *(item.instance_id for item in self.objects)], dtype=np.int32)
        return apply_lookup(table, self.numbers)

    def label_ids(self) -> NDArray[np.uint8]:
        """Return the official `labelIds`, uint8 (H, W)."""
        table = np.array([0, *(item.label.label_id for item in self.objects)], dtype=np.uint8)
        return apply_lookup(table, self.numbers)

    def colors(self) -> NDArray[np.uint8]:
        """Return the official colors of the labels, uint8 (H, W, 3), RGB."""
        table = np.array([(0, 0, 0), *(item.label.color for item in self.objects)], dtype=np.uint8)
        return apply_lookup(table, self.numbers)

    def resized(self, size: tuple[int, int]) -> ObjectMap:
        """Return the map for a picture of another size: what its pixel centres show.

        Args:
            size: Height and width, pixels.
        """
        if size == self.numbers.shape:
            return self
        scale = np.divide(size, self.numbers.shape)[::-1]
        objects = tuple(replace(item, points=item.points * scale) for item in self.objects)
        return ObjectMap(numbers=resize_nearest(self.numbers, size), objects=objects)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VisibleObject:
    """What is to be seen of one object, of a group, or of stuff.

    Attributes:
        class_id: Position in the class set.
        is_crowd: True for a region of several objects that nobody told apart.
        instance_id: The official value, equal for the regions of one class of stuff.
        window: uint8 (h, w), 1 on its pixels, and on other regions of its class.
        corner: x and y of the window's first pixel in the picture.
        borders: int32 (K, 2) each, x and y of the corners of all parts and holes, pixels of the
            window.
        is_outer: True for the border of a part, False for that of a hole.
        is_alone: True where the window has no other region.
    """

    class_id: int
    is_crowd: bool
    instance_id: int
    window: NDArray[np.uint8]
    corner: tuple[int, int]
    borders: Sequence[NDArray[np.int32]]
    is_outer: Sequence[bool]
    is_alone: bool

    def mask(self) -> tuple[Crop, tuple[int, int]]:
        """Return its mask, bool (h, w), and x and y of that one's first pixel in the picture."""
        x, y, width, height = cv2.boundingRect(np.concatenate(self.borders))
        if self.is_alone:
            crop = self.window[y : y + height, x : x + width]
        else:
            # Filling borders takes a third of the time of numbering the regions of all pixels.
            crop = np.zeros((height, width), dtype=np.uint8)
            cv2.fillPoly(crop, self.borders, (1,), offset=(-x, -y))
        return crop.view(np.bool_), (x + self.corner[0], y + self.corner[1])

    def outline(self) -> BridgedRing:
        """Return its mask as one ring, in pixels of the picture."""
        joined = bridged_ring(self.borders, self.is_outer, self.window.view(np.bool_))
        return joined._replace(pixels=joined.pixels + np.array(self.corner, dtype=np.int32))


class VisibleObjects(NamedTuple):
    """The visible objects and regions of a frame; no two share a pixel.

    Attributes:
        objects: Single objects in drawing order, then stuff and groups by class.
        hidden: Objects of the class set of which later polygons leave nothing to be seen.
        image_size: Height and width of the frame, pixels.
    """

    objects: tuple[VisibleObject, ...]
    hidden: int
    image_size: tuple[int, int]

    def segments(self) -> Segments:
        """Return their masks, as readers of all formats do."""
        return Segments.of(
            [one.mask() for one in self.objects],
            class_ids=[one.class_id for one in self.objects],
            is_crowd=[one.is_crowd for one in self.objects],
            instance_ids=[one.instance_id for one in self.objects],
            image_size=self.image_size,
        )


def draw_objects(annotation: Annotation) -> ObjectMap:
    """Return the visible object of each pixel; later polygons cover earlier ones.

    Args:
        annotation: The polygons; what lies outside the picture is cut off.
    """
    objects = annotation.objects
    first: dict[int, int] = {}
    fills = [
        number if item.is_single else first.setdefault(item.label.label_id, number)
        for number, item in enumerate(objects, start=1)
    ]
    if len(objects) <= _LAYER:
        return ObjectMap(numbers=_layer(annotation, objects, fills), objects=objects)
    numbers = np.zeros(annotation.image_size, dtype=np.uint16)
    for start in range(0, len(objects), _LAYER):
        some = fills[start : start + _LAYER]
        layer = _layer(annotation, objects[start : start + _LAYER], range(1, len(some) + 1))
        np.copyto(numbers, np.array([0, *some], dtype=np.uint16)[layer], where=layer > 0)
    return ObjectMap(numbers=numbers, objects=objects)


def visible_objects(drawn: ObjectMap, *, classes: DatasetClasses, stuff: Stuff) -> VisibleObjects:
    """Return what is to be seen of each object and each region of stuff.

    Args:
        drawn: Which object each pixel shows.
        classes: The classes wanted.
        stuff: `regions` for each connected region (8-connected) of a class of stuff alone,
            `whole` for all of a class together. Groups of things are always whole.
    """
    found: list[VisibleObject] = []
    hidden = 0
    for item, class_id, (left, top, right, bottom), number in _drawn_items(drawn, classes):
        window = (drawn.numbers[top:bottom, left:right] == number).view(np.uint8)
        borders, kin = traced_borders(window)
        if not borders:
            hidden += item.is_single
            continue
        if item.label.is_thing or stuff == "whole":
            regions = [list(range(len(borders)))]
        else:
            regions = [_with_holes(i, kin) for i, row in enumerate(kin) if row[3] < 0]
        found += [
            VisibleObject(
                class_id=class_id,
                is_crowd=item.label.is_thing and item.is_group,
                instance_id=item.instance_id,
                window=window,
                corner=(left, top),
                borders=[borders[i] for i in region],
                is_outer=[kin[i][3] < 0 for i in region],
                is_alone=len(regions) == 1,
            )
            for region in regions
        ]
    height, width = drawn.numbers.shape
    return VisibleObjects(tuple(found), hidden, (height, width))


class _DrawnItem(NamedTuple):
    """An object, or the first of all stuff or groups of a class, and where its pixels may be."""

    item: PolygonObject
    class_id: int
    bounds: tuple[int, int, int, int]
    number: int


def _drawn_items(drawn: ObjectMap, classes: DatasetClasses) -> list[_DrawnItem]:
    """Return single objects in drawing order, then stuff and groups, one entry for each class."""
    class_ids = classes.ids()
    singles: list[_DrawnItem] = []
    shared: dict[int, _DrawnItem] = {}
    for number, (item, bounds) in enumerate(
        zip(drawn.objects, _object_bounds(drawn), strict=True), start=1
    ):
        class_id = class_ids.get(item.label.name)
        if class_id is None:
            continue
        if item.is_single:
            singles.append(_DrawnItem(item, class_id, bounds, number))
            continue
        known = shared.setdefault(class_id, _DrawnItem(item, class_id, bounds, number))
        left, top, right, bottom = known.bounds
        whole = min(left, bounds[0]), min(top, bounds[1]), max(right, bounds[2])
        shared[class_id] = known._replace(bounds=(*whole, max(bottom, bounds[3])))
    return [*singles, *(shared[class_id] for class_id in sorted(shared))]


def _object_bounds(drawn: ObjectMap) -> Iterator[tuple[int, int, int, int]]:
    """Yield the pixels that each polygon may cover: left, top, right and bottom, half-open."""
    if not drawn.objects:
        return
    points = np.concatenate([item.points for item in drawn.objects])
    lengths = np.array([len(item.points) for item in drawn.objects], dtype=np.intp)
    starts = np.cumsum(lengths) - lengths
    size = drawn.numbers.shape[::-1]
    first = np.clip(np.floor(np.minimum.reduceat(points, starts)) - 1, 0, size)
    last = np.clip(np.ceil(np.maximum.reduceat(points, starts)) + 2, first, size)
    rows: list[list[int]] = np.hstack([first, last]).astype(np.intp).tolist()
    yield from ((left, top, right, bottom) for left, top, right, bottom in rows)


def _with_holes(outer: int, kin: list[list[int]]) -> list[int]:
    """Return the positions of a part's border and of those of its holes.

    Args:
        outer: Position of the part's border.
        kin: For each border the next beside it, the one before, the first hole, and what it is a
            hole of; -1 for none.
    """
    region = [outer]
    hole = kin[outer][2]
    while hole >= 0:
        region.append(hole)
        hole = kin[hole][0]
    return region


def _layer(
    annotation: Annotation, objects: Sequence[PolygonObject], fills: Sequence[int]
) -> NDArray[np.uint8]:
    """Return objects drawn over one another, uint8 (H, W), 0 where there are none."""
    height, width = annotation.image_size
    pixels = np.zeros((height, width), dtype=np.uint8)
    # Pillow draws into the memory of the array; copying it out takes as long as all polygons.
    image = Image.frombuffer("L", (width, height), pixels, "raw", "L", 0, 1)
    image.readonly = 0
    draw = ImageDraw.Draw(image)
    for fill, found in zip(fills, objects, strict=True):
        draw.polygon(found.points.ravel().tolist(), fill=fill)
    return pixels
