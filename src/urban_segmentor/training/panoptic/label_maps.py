"""Labels of a frame as maps: the class and the object of each pixel, and what does not count."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.label_maps import apply_lookup, resize_nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample

VOID = 255
"""Class of a pixel that nobody knows."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabelMaps:
    """Labels of an image, all maps of one size.

    Attributes:
        semantic: uint8 (H, W), class ids, 255 where nobody knows.
        instances: uint16 (H, W), 0 for none, k for the k-th object.
        ignored: uint8 (H, W), 1 where objects are neither taught nor punished, such as groups.
        class_ids: int32 (K,), of each object.
    """

    semantic: NDArray[np.uint8]
    instances: NDArray[np.uint16]
    ignored: NDArray[np.uint8]
    class_ids: NDArray[np.int32]

    def compressed(self) -> bytes:
        """Return the maps as the content of an `.npz`."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            semantic=self.semantic,
            instances=self.instances,
            ignored=self.ignored,
            class_ids=self.class_ids,
        )
        return buffer.getvalue()

    @classmethod
    def parsed(cls, file: Any) -> LabelMaps:
        """Return the maps of an `.npz`.

        Args:
            file: A path or a file.
        """
        with np.load(file, allow_pickle=False) as arrays:
            return cls(
                **{name: arrays[name] for name in ("semantic", "instances", "ignored", "class_ids")}
            )


def label_maps(
    sample: Sample, classes: DatasetClasses, *, known: DatasetClasses, long_side: int
) -> LabelMaps:
    """Return the labels of a frame as maps of a size.

    Things of classes that are not learnt, such as caravans, are ignored.

    Args:
        sample: The frame.
        classes: The classes that are learnt.
        known: All that the labels may have.
        long_side: Of the maps, pixels.

    Raises:
        DatasetError: The labels cannot be read, or are of more classes or objects than fit.
    """
    others = [label for label in known.labels if label.is_thing and label not in classes.labels]
    read = type(classes)(labels=(*classes.labels, *others))
    segments = sample.segments(read)
    is_thing = np.array([label.is_thing for label in read.labels])[segments.class_ids]
    is_learnt = segments.class_ids < len(classes.labels)
    is_object = is_thing & is_learnt & ~segments.is_crowd
    if len(classes.labels) > VOID or is_object.sum() > np.iinfo(np.uint16).max:
        raise DatasetError(
            f"`{sample.name}` has {is_object.sum()} objects of {len(classes.labels)} classes, at "
            f"most {VOID} classes can be learnt",
            hint="choose some of the classes: urban-segmentor data prepare --classes",
        )
    # Where labels overlap, things lie over surfaces, and small ones over large ones.
    order = np.lexsort((-segments.masks.areas(), is_object, is_thing))
    numbers = segments.masks.to_index_map(order=order.astype(np.intp))
    numbers = resize_nearest(numbers, _size(numbers.shape, long_side))
    tables = {
        "semantic": np.where(is_learnt, segments.class_ids, VOID).astype(np.uint8),
        "instances": np.where(is_object, np.cumsum(is_object), 0).astype(np.uint16),
        "ignored": (is_thing & ~is_object).astype(np.uint8),
    }
    background = {"semantic": VOID, "instances": 0, "ignored": 0}
    maps = {
        name: apply_lookup(np.concatenate([[background[name]], table]).astype(table.dtype), numbers)
        for name, table in tables.items()
    }
    return LabelMaps(**maps, class_ids=segments.class_ids[is_object])


def _size(shape: tuple[int, ...], long_side: int) -> tuple[int, int]:
    height, width = shape
    gain = long_side / max(height, width)
    return max(round(height * gain), 1), max(round(width * gain), 1)
