"""Objects of rare classes, copied from one image into another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.structures.label_regions import label_regions
from urban_segmentor.training.panoptic.augment import LabeledImage
from urban_segmentor.training.panoptic.label_maps import VOID, LabelMaps

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

_GROUND = frozenset({"road", "sidewalk", "terrain", "parking", "ground", "rail track", "floor"})
_TOUCH_PX = 3
_MIN_PX = 24


def ground_ids(names: Sequence[str]) -> frozenset[int]:
    """Return the class ids of what things stand on; none where no name is known."""
    return frozenset(i for i, name in enumerate(names) if name in _GROUND)


def paste_objects(
    target: LabeledImage,
    donor: LabeledImage,
    *,
    wanted: Collection[int],
    ground: Collection[int],
) -> LabeledImage:
    """Return an image with whole objects of another one, where they would stand on the ground.

    Objects that touch one another, such as a rider and a bicycle, come together or not at all.

    Args:
        target: The image, placed on its canvas.
        donor: The other one, placed on a canvas of the same size, so that what is near lies low
            in both.
        wanted: Class ids of what is copied.
        ground: Class ids of what it may stand on in the target; empty for anything.
    """
    numbers = donor.maps.instances
    is_wanted = np.concatenate([[False], np.isin(donor.maps.class_ids, list(wanted))])
    regions = label_regions(np.where(is_wanted[numbers], numbers, 0).astype(np.int32))
    groups = _touching(is_wanted[numbers])
    rejected = {0}
    for value, (x1, y1, x2, y2) in zip(
        regions.values.tolist(), regions.boxes.tolist(), strict=True
    ):
        window = (slice(y1, y2), slice(x1, x2))
        mask = numbers[window] == value
        if value and (mask.sum() < _MIN_PX or not _stands(mask, (x1, y1), target, ground)):
            rejected.update(np.unique(groups[window][mask]).tolist())
    pasted = is_wanted[numbers] & ~np.isin(groups, list(rejected))
    return _with_pixels(target, donor, pasted)


def _touching(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return a number for each group of objects that touch, int32 (H, W), 0 for none."""
    near = cv2.dilate(mask.view(np.uint8), np.ones((_TOUCH_PX, _TOUCH_PX), dtype=np.uint8))
    return np.asarray(cv2.connectedComponents(near, connectivity=8)[1], dtype=np.int32)


def _stands(
    mask: NDArray[np.bool_],
    corner: tuple[int, int],
    target: LabeledImage,
    ground: Collection[int],
) -> bool:
    """Return whether the lowest pixels of an object lie on ground of the target."""
    if not ground:
        return True
    last = int(np.flatnonzero(mask.any(axis=1))[-1])
    columns = np.flatnonzero(mask[last]) + corner[0]
    below = target.maps.semantic[last + corner[1], columns]
    return bool(np.isin(below, [*ground, VOID]).mean() >= 0.5)


def _with_pixels(
    target: LabeledImage, donor: LabeledImage, pasted: NDArray[np.bool_]
) -> LabeledImage:
    if not pasted.any():
        return target
    image, maps = target.image.copy(), target.maps
    semantic, instances, ignored = maps.semantic.copy(), maps.instances.copy(), maps.ignored.copy()
    image[pasted] = donor.image[pasted]
    semantic[pasted] = donor.maps.semantic[pasted]
    ignored[pasted] = 0
    instances[pasted] = donor.maps.instances[pasted] + np.uint16(len(maps.class_ids))
    return LabeledImage(
        image=image,
        maps=LabelMaps(
            semantic=semantic,
            instances=instances,
            ignored=ignored,
            class_ids=np.concatenate([maps.class_ids, donor.maps.class_ids]),
        ),
    )
