"""A frame's labels in the COCO panoptic format, as the official script makes them.

Source: `preparation/createPanopticImgs.py` of cityscapesScripts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.segments import paint_label_mask
from urban_segmentor.io.writers.coco_json import CocoJsonFile
from urban_segmentor.io.writers.coco_panoptic import (
    panoptic_annotation,
    panoptic_categories,
    segments_info,
)
from urban_segmentor.structures.label_regions import label_regions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.segments import Segments


def panoptic_labels(
    segments: Segments, *, classes: DatasetClasses
) -> tuple[NDArray[np.int32], list[dict[str, Any]]]:
    """Return the segment ids of a frame, int32 (H, W), 0 for void, and its `segments_info`.

    Ids of segments are official `instanceIds`, ids of categories official label ids.

    Args:
        segments: What is to be seen in it, stuff whole.
        classes: The class set that they count in.
    """
    segment_ids = paint_label_mask(segments, segments.instance_ids)
    values: list[int] = segments.instance_ids.tolist()
    class_ids: list[int] = segments.class_ids.tolist()
    return segment_ids, segments_info(
        label_regions(segment_ids),
        category_ids={
            value: classes.labels[class_id].label_id
            for value, class_id in zip(values, class_ids, strict=True)
        },
        crowds=set(segments.instance_ids[segments.is_crowd].tolist()),
    )


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
