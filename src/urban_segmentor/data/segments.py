"""The visible objects and regions of a frame, as masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.masks import Crop, Masks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from urban_segmentor.data.classes import ClassSet, Stuff
    from urban_segmentor.data.drawing import ObjectMap
    from urban_segmentor.labels import Label


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Segments:
    """N visible objects and regions of one frame; no two share a pixel.

    Attributes:
        masks: N masks, none of them empty.
        class_ids: int32 (N,), positions in the class set.
        is_crowd: bool (N,), true for regions of several objects that nobody told apart.
        instance_ids: int32 (N,), official values, equal for the regions of one class of stuff.
        hidden: Objects of the class set of which later polygons leave nothing to be seen.
    """

    masks: Masks
    class_ids: NDArray[np.int32]
    is_crowd: NDArray[np.bool_]
    instance_ids: NDArray[np.int32]
    hidden: int

    def __len__(self) -> int:
        """Return N."""
        return len(self.masks)


class _Found(NamedTuple):
    crop: Crop
    origin: tuple[int, int]
    class_id: int
    is_crowd: bool
    instance_id: int


def visible_segments(drawn: ObjectMap, *, classes: ClassSet, stuff: Stuff) -> Segments:
    """Return what is to be seen of each object and each region of stuff.

    Args:
        drawn: Which object each pixel shows.
        classes: The classes wanted.
        stuff: `regions` for each connected region (8-connected) of a class of stuff alone,
            `whole` for all of a class together. Groups of things are always whole.
    """
    class_ids = classes.ids()
    found: list[_Found] = []
    hidden = 0
    for number, item in enumerate(drawn.objects, start=1):
        class_id = class_ids.get(item.label.name)
        if class_id is None or not item.is_single:
            continue
        cut = _tight(_window(drawn, item.points) == number)
        if cut is None:
            hidden += 1
            continue
        crop, (x, y) = cut
        left, top = _corner(drawn, item.points)
        found.append(_Found(crop, (x + left, y + top), class_id, False, item.instance_id))  # noqa: FBT003
    for label in classes.labels:
        found += _regions(drawn, label, class_ids[label.name], stuff=stuff)
    return Segments(
        masks=Masks(
            crops=tuple(one.crop for one in found),
            origins=np.array([one.origin for one in found], dtype=np.int32).reshape(-1, 2),
            image_size=(drawn.numbers.shape[0], drawn.numbers.shape[1]),
        ),
        class_ids=np.array([one.class_id for one in found], dtype=np.int32),
        is_crowd=np.array([one.is_crowd for one in found], dtype=np.bool_),
        instance_ids=np.array([one.instance_id for one in found], dtype=np.int32),
        hidden=hidden,
    )


def _regions(drawn: ObjectMap, label: Label, class_id: int, *, stuff: Stuff) -> Iterator[_Found]:
    """Yield the regions of a class that are no single objects: stuff, or groups of things."""
    members = [
        number
        for number, item in enumerate(drawn.objects, start=1)
        if item.label == label and not item.is_single
    ]
    if not members:
        return
    points = np.concatenate([drawn.objects[number - 1].points for number in members])
    left, top = _corner(drawn, points)
    table = np.zeros(len(drawn.objects) + 1, dtype=np.uint8)
    table[members] = 1
    window = _window(drawn, points)
    if drawn.numbers.dtype == np.uint8:
        full = np.zeros(256, dtype=np.uint8)
        full[: len(table)] = table
        mask = np.asarray(cv2.LUT(np.ascontiguousarray(window), full), dtype=np.uint8)
    else:
        mask = table[window]
    if label.is_thing or stuff == "whole":
        cuts = [_tight(mask.view(np.bool_))]
    else:
        cuts = list(_parts(mask))
    for cut in cuts:
        if cut is not None:
            crop, (x, y) = cut
            origin = (x + left, y + top)
            yield _Found(crop, origin, class_id, label.is_thing, label.label_id)


def _parts(mask: NDArray[np.uint8]) -> Iterator[tuple[Crop, tuple[int, int]]]:
    """Yield the connected regions of a mask, uint8 (h, w), cut out."""
    # Filling contours takes a third of the time of numbering all pixels.
    contours, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return
    kin: list[list[int]] = tree[0].tolist()
    outer = [i for i, (_, _, _, parent) in enumerate(kin) if parent < 0]
    for i in outer:
        x, y, width, height = cv2.boundingRect(contours[i])
        if len(outer) == 1:
            yield mask[y : y + height, x : x + width].view(np.bool_), (x, y)
            return
        crop = np.zeros((height, width), dtype=np.uint8)
        rings = [contours[i]]
        hole = kin[i][2]
        while hole >= 0:
            rings.append(contours[hole])
            hole = kin[hole][0]
        cv2.fillPoly(crop, rings, (1,), offset=(-x, -y))
        yield crop.view(np.bool_), (x, y)


def _corner(drawn: ObjectMap, points: NDArray[np.float64]) -> tuple[int, int]:
    """Return the x and y of the first pixel that polygons, float64 (K, 2), may cover."""
    left, top = _bounds(drawn, points)[:2]
    return left, top


def _window(
    drawn: ObjectMap, points: NDArray[np.float64]
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the part of the map that polygons, float64 (K, 2), may cover."""
    left, top, right, bottom = _bounds(drawn, points)
    return drawn.numbers[top:bottom, left:right]


def _bounds(drawn: ObjectMap, points: NDArray[np.float64]) -> tuple[int, int, int, int]:
    height, width = drawn.numbers.shape
    first, last = np.floor(points.min(axis=0)) - 1, np.ceil(points.max(axis=0)) + 2
    left, top = np.clip(first, 0, (width, height)).astype(int).tolist()
    right, bottom = np.clip(last, (left, top), (width, height)).astype(int).tolist()
    return left, top, right, bottom


def _tight(mask: NDArray[np.bool_]) -> tuple[Crop, tuple[int, int]] | None:
    """Return a mask, bool (h, w), without empty borders, and where it begins; None if empty."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8)) if mask.size else (0, 0, 0, 0)
    if not width:
        return None
    return mask[y : y + height, x : x + width], (x, y)
