"""Masks that a reader found, as the segments of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.datasets.cityscapes.segments import VisibleObjects
from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.label_maps import apply_lookup
from urban_segmentor.structures.masks import Crop, Masks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.structures.cityscapes_labels import CityscapesLabel

_FIRST_SINGLE = 1000


class LabelMask(NamedTuple):
    """A mask with its class.

    Attributes:
        crop: bool (h, w), the mask inside its rectangle.
        origin: x and y of its first pixel.
        label: The class.
        is_crowd: True for a region of several objects that nobody told apart.
    """

    crop: Crop
    origin: tuple[int, int]
    label: CityscapesLabel
    is_crowd: bool


def segments_of(
    found: Iterable[LabelMask], classes: DatasetClasses, *, size: tuple[int, int]
) -> VisibleObjects:
    """Return what is of the classes wanted; numbers of objects go up by class.

    Args:
        found: All masks of a frame, in their order.
        classes: The classes wanted.
        size: Height and width of the labels, pixels.
    """
    ids = classes.ids()
    kept = [one for one in found if one.label.name in ids and one.crop.size]
    numbers: dict[str, int] = {}
    instance_ids: list[int] = []
    for one in kept:
        label = one.label
        single = label.is_thing and not one.is_crowd
        number = numbers.get(label.name, 0)
        numbers[label.name] = number + single
        first = label.label_id * _FIRST_SINGLE
        instance_ids.append(first + number if single else label.label_id)
    return VisibleObjects(
        masks=Masks(
            crops=tuple(one.crop for one in kept),
            origins=np.array([one.origin for one in kept], dtype=np.int32).reshape(-1, 2),
            image_size=size,
        ),
        class_ids=np.array([ids[one.label.name] for one in kept], dtype=np.int32),
        is_crowd=np.array([one.is_crowd for one in kept], dtype=np.bool_),
        instance_ids=np.array(instance_ids, dtype=np.int32),
        hidden=0,
    )


def paint_label_mask(segments: VisibleObjects, values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return a map of one value for each segment, int32 (H, W), 0 elsewhere; later ones cover.

    Args:
        segments: N segments.
        values: int32 (N,).
    """
    table = np.concatenate([np.zeros(1, dtype=np.int32), values])
    return apply_lookup(table, segments.masks.to_index_map(order=np.arange(len(values))))


def official_ids(segments: VisibleObjects, *, name: str) -> NDArray[np.int32]:
    """Return official `instanceIds` values, int32 (H, W).

    Args:
        segments: All of a frame, in classes of Cityscapes.
        name: How messages call the frame.

    Raises:
        DatasetError: There are more objects of a class than values for them.
    """
    counts = np.bincount(segments.class_ids[~segments.is_crowd], minlength=1)
    if counts.max() > _FIRST_SINGLE:
        raise DatasetError(
            f"`{name}` has {counts.max()} objects of one class, at most {_FIRST_SINGLE} have "
            "official ids",
            hint="cut the picture into parts",
        )
    return paint_label_mask(segments, segments.instance_ids)


def filled_ring(
    ring: NDArray[np.int32], size: tuple[int, int]
) -> tuple[Crop, tuple[int, int]] | None:
    """Return the pixels of a ring that lie in the picture, and where they begin; None for none.

    Args:
        ring: int32 (K, 2), x and y, pixels.
        size: Height and width of the picture, pixels.
    """
    first = np.clip(ring.min(axis=0), 0, size[::-1])
    last = np.clip(ring.max(axis=0) + 1, 0, size[::-1])
    (x1, y1), (x2, y2) = first.tolist(), last.tolist()
    if x1 >= x2 or y1 >= y2:
        return None
    crop = np.zeros((y2 - y1, x2 - x1), dtype=np.uint8)
    cv2.fillPoly(crop, [ring - first], (1,))
    return (crop.view(np.bool_), (x1, y1)) if crop.any() else None


def check_label_size(name: str, wanted: tuple[int, int] | None, own: tuple[int, int]) -> None:
    """Check that a picture has the size that its labels were made for.

    Args:
        name: How messages call the frame.
        wanted: Height and width of the picture, pixels; None where nobody has asked.
        own: Those of the labels.

    Raises:
        DatasetError: It has another one.
    """
    if wanted is not None and wanted != own:
        sizes = [f"{width} x {height}" for height, width in (own, wanted)]
        raise DatasetError(
            f"the labels of `{name}` have {sizes[0]} pixels, its picture {sizes[1]}",
            hint="put the picture there that was labeled",
        )


def class_names(names: Sequence[object]) -> list[str] | str:
    """Return the names of classes; or why they are none.

    Args:
        names: What a file has.
    """
    if not names:
        return "lists no class names"
    found: list[str] = []
    for number, name in enumerate(names):
        text = str(name) if isinstance(name, (str, int)) else ""
        if not text.strip() or not text.isprintable() or len(text) > 200:
            return f"has a class {number} without a name that can be printed"
        if text in found:
            return f"names two classes `{text}`"
        found.append(text)
    return found
