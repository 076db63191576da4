"""The labels of a frame as masks, whichever format they were read from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.label_maps import apply_lookup
from urban_segmentor.structures.masks import Crop, Masks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.structures.cityscapes_labels import CityscapesLabel

_FIRST_SINGLE = 1000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Segments:
    """The labels of one frame, read from any format: N masks of objects and regions.

    Attributes:
        masks: N masks, none of them empty.
        class_ids: int32 (N,), positions in the class set.
        is_crowd: bool (N,), true for regions of several objects that nobody told apart.
        instance_ids: int32 (N,), official values, equal for the regions of one class of stuff.
    """

    masks: Masks
    class_ids: NDArray[np.int32]
    is_crowd: NDArray[np.bool_]
    instance_ids: NDArray[np.int32]

    def __len__(self) -> int:
        """Return N."""
        return len(self.masks)

    def as_instances(self, classes: DatasetClasses) -> Instances:
        """Return the labels as instances, all of score 1, for an overlay.

        Args:
            classes: What the class ids mean.
        """
        return Instances(
            boxes=self.masks.rectangles(),
            masks=self.masks,
            scores=np.ones(len(self), dtype=np.float32),
            class_ids=self.class_ids,
            classes=classes.class_list,
        )

    @classmethod
    def of(
        cls,
        masks: Sequence[tuple[Crop, tuple[int, int]]],
        *,
        class_ids: Sequence[int],
        is_crowd: Sequence[bool],
        instance_ids: Sequence[int],
        image_size: tuple[int, int],
    ) -> Segments:
        """Return N labels from what is known of each.

        Args:
            masks: bool (h, w) crops, each with x and y of its first pixel.
            class_ids: As the attribute.
            is_crowd: As the attribute.
            instance_ids: As the attribute.
            image_size: Height and width of the labels, pixels.
        """
        return cls(
            masks=Masks(
                crops=tuple(crop for crop, _ in masks),
                origins=np.array([origin for _, origin in masks], dtype=np.int32).reshape(-1, 2),
                image_size=image_size,
            ),
            class_ids=np.array(class_ids, dtype=np.int32),
            is_crowd=np.array(is_crowd, dtype=np.bool_),
            instance_ids=np.array(instance_ids, dtype=np.int32),
        )


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


def numbered_segments(
    found: Iterable[LabelMask], classes: DatasetClasses, *, size: tuple[int, int]
) -> Segments:
    """Return what is of the classes wanted; numbers of objects go up by class.

    Args:
        found: All masks of a frame, in their order.
        classes: The classes wanted.
        size: Height and width of the labels, pixels.
    """
    ids = classes.ids()
    kept = [one for one in found if one.label.name in ids and one.crop.size]
    numbers: Counter[str] = Counter()
    instance_ids: list[int] = []
    for one in kept:
        label = one.label
        if label.is_thing and not one.is_crowd:
            instance_ids.append(label.label_id * _FIRST_SINGLE + numbers[label.name])
            numbers[label.name] += 1
        else:
            instance_ids.append(label.label_id)
    return Segments.of(
        [(one.crop, one.origin) for one in kept],
        class_ids=[ids[one.label.name] for one in kept],
        is_crowd=[one.is_crowd for one in kept],
        instance_ids=instance_ids,
        image_size=size,
    )


def paint_label_mask(segments: Segments, values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return a map of one value for each segment, int32 (H, W), 0 elsewhere; later ones cover.

    Args:
        segments: N segments.
        values: int32 (N,).
    """
    table = np.concatenate([np.zeros(1, dtype=np.int32), values])
    return apply_lookup(table, segments.masks.to_index_map(order=np.arange(len(values))))


def official_ids(segments: Segments, *, name: str) -> NDArray[np.int32]:
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
