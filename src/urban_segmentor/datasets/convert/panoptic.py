"""A frame's labels in the COCO panoptic format, as the official script makes them.

Source: `preparation/createPanopticImgs.py` of cityscapesScripts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from urban_segmentor.datasets.convert.frame_report import ClassCount, empty_class_count
from urban_segmentor.io.atomic import AtomicFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.rasterize import ObjectMap
    from urban_segmentor.datasets.dataset_classes import DatasetClasses


class PanopticLabels(NamedTuple):
    """The panoptic labels of a frame.

    Attributes:
        image: uint8 (H, W, 3), RGB, of which R + 256 G + 65536 B is the id of a segment.
        segments: The entries of `segments_info`.
        classes: Counts by class name.
        hidden: Objects of which later polygons leave nothing to be seen.
    """

    image: NDArray[np.uint8]
    segments: list[dict[str, Any]]
    classes: dict[str, ClassCount]
    hidden: int


def panoptic_labels(drawn: ObjectMap, *, classes: DatasetClasses) -> PanopticLabels:
    """Return the panoptic labels of a frame.

    Ids of segments are official `instanceIds`, ids of categories official label ids.

    Args:
        drawn: Which object each pixel shows.
        classes: The classes wanted; all else is void.
    """
    wanted = set(classes.names)
    values = [item.instance_id * (item.label.name in wanted) for item in drawn.objects]
    ids = np.array([0, *values], dtype=np.uint16)[drawn.numbers]
    by_id = {item.instance_id: item for item in drawn.objects}
    counts: dict[str, ClassCount] = {}
    segments: list[dict[str, Any]] = []
    areas = np.bincount(ids.ravel(), minlength=max(values, default=0) + 1)
    for segment_id in sorted({value for value in values if value and areas[value]}):
        item = by_id[segment_id]
        x, y, width, height = cv2.boundingRect((ids == segment_id).view(np.uint8))
        is_crowd = item.label.is_thing and item.is_group
        segments.append(
            {
                "id": segment_id,
                "category_id": item.label.label_id,
                "area": int(areas[segment_id]),
                "bbox": [x, y, width, height],
                "iscrowd": int(is_crowd),
            }
        )
        count = counts.setdefault(item.label.name, empty_class_count())
        count["groups" if is_crowd else "segments"] += 1
        count["pixels"] += 0 if is_crowd else int(areas[segment_id])
    image = np.stack([ids & 255, ids >> 8, np.zeros_like(ids)], axis=-1).astype(np.uint8)
    singles = [item.instance_id for item in drawn.objects if item.is_single]
    hidden = sum(value in values and not areas[value] for value in singles)
    return PanopticLabels(image, segments, counts, hidden)


def write_panoptic(
    path: Path,
    frames: Iterable[tuple[str, dict[str, Any], list[dict[str, Any]]]],
    *,
    classes: DatasetClasses,
    overwrite: bool,
) -> None:
    """Write the annotations of a split.

    Args:
        path: The file.
        frames: The name of each frame, the entry of its picture (`file_name`, `height`, `width`)
            and its segments; only one is held in memory at a time.
        classes: The class set.
        overwrite: True when the file may be replaced.

    Raises:
        OutputError: It cannot be written.
    """
    images: list[str] = []
    with AtomicFile(path, overwrite=overwrite) as file:
        file.write(f'{{"categories":{json.dumps(_categories(classes))},"annotations":[\n')
        for stem, image, segments in frames:
            entry = {
                "image_id": stem,
                "file_name": f"{stem}_gtFine_panoptic.png",
                "segments_info": segments,
            }
            file.write((",\n" if images else "") + json.dumps(entry))
            images.append(json.dumps({"id": stem, **image}))
        file.write('\n],"images":[\n' + ",\n".join(images) + "\n]}\n")


def _categories(classes: DatasetClasses) -> list[dict[str, Any]]:
    """Return the entries of `categories`."""
    return [
        {
            "id": label.label_id,
            "name": label.name,
            "color": list(label.color),
            "supercategory": "thing" if label.is_thing else "stuff",
            "isthing": int(label.is_thing),
        }
        for label in classes.labels
    ]
