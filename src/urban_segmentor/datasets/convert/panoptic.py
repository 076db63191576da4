"""A frame's labels in the COCO panoptic format, as the official script makes them.

Source: `preparation/createPanopticImgs.py` of cityscapesScripts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from urban_segmentor.datasets.convert.frame_report import ClassCount, empty_class_count
from urban_segmentor.io.writers.coco_json import CocoJsonFile
from urban_segmentor.io.writers.coco_panoptic import (
    panoptic_annotation,
    panoptic_categories,
    segments_info,
)
from urban_segmentor.structures.label_maps import apply_lookup
from urban_segmentor.structures.label_regions import label_regions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.rasterize import ObjectMap
    from urban_segmentor.datasets.dataset_classes import DatasetClasses


class PanopticLabels(NamedTuple):
    """The panoptic labels of a frame.

    Attributes:
        segment_ids: int32 (H, W), 0 for void.
        segments: The entries of `segments_info`.
        classes: Counts by class name.
        hidden: Objects of which later polygons leave nothing to be seen.
    """

    segment_ids: NDArray[np.int32]
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
    ids = [item.instance_id * (item.label.name in wanted) for item in drawn.objects]
    segment_ids = apply_lookup(np.array([0, *ids], dtype=np.int32), drawn.numbers)
    by_id = {item.instance_id: item for item in drawn.objects}
    segments = segments_info(
        label_regions(segment_ids),
        category_ids={value: item.label.label_id for value, item in by_id.items()},
        crowds={value for value, o in by_id.items() if o.label.is_thing and o.is_group},
    )
    counts: dict[str, ClassCount] = {}
    for segment in segments:
        count = counts.setdefault(by_id[segment["id"]].label.name, empty_class_count())
        count["groups" if segment["iscrowd"] else "segments"] += 1
        count["pixels"] += 0 if segment["iscrowd"] else segment["area"]
    shown = {segment["id"] for segment in segments}
    hidden = sum(
        item.is_single and item.label.name in wanted and item.instance_id not in shown
        for item in drawn.objects
    )
    return PanopticLabels(segment_ids, segments, counts, hidden)


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
    category_ids = [label.label_id for label in classes.labels]
    categories = panoptic_categories(classes.class_list, category_ids=category_ids, colors=True)
    head = f'{{"categories":{json.dumps(categories)}}}'
    with CocoJsonFile(path, head=head, overwrite=overwrite) as file:
        for stem, image, segments in frames:
            annotation = panoptic_annotation(stem, f"{stem}_gtFine_panoptic.png", segments)
            file.add({"id": stem, **image}, [annotation])
