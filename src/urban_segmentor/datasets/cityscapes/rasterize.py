"""Rasterization of polygons in drawing order: the object of each pixel.

Pillow draws, as the official scripts do, so that every pixel is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from urban_segmentor.structures.label_maps import apply_lookup, resize_nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.annotation import Annotation, PolygonObject

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


def _layer(
    annotation: Annotation, objects: Sequence[PolygonObject], fills: Sequence[int]
) -> NDArray[np.uint8]:
    height, width = annotation.image_size
    pixels = np.zeros((height, width), dtype=np.uint8)
    # Pillow draws into the memory of the array; copying it out takes as long as all polygons.
    image = Image.frombuffer("L", (width, height), pixels, "raw", "L", 0, 1)
    image.readonly = 0
    draw = ImageDraw.Draw(image)
    for fill, found in zip(fills, objects, strict=True):
        draw.polygon(found.points.ravel().tolist(), fill=fill)
    return pixels
