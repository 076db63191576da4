"""A frame's labels as COCO instance annotations, and the file over a split."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.convert.frame_report import ClassCount, empty_class_count
from urban_segmentor.io.atomic import AtomicFile
from urban_segmentor.structures.rle import encode_rle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.segments import VisibleObjects
    from urban_segmentor.datasets.dataset_classes import DatasetClasses

Annotations = list[dict[str, Any]]
"""Annotations of a frame, without `id` and `image_id`, which the split decides."""


def coco_annotations(segments: VisibleObjects) -> Annotations:
    """Return the annotations of a frame; masks are run lengths, groups are crowds.

    Args:
        segments: What is to be seen in it.
    """
    masks = segments.masks
    rows = zip(
        encode_rle(masks),
        masks.rectangles().tolist(),
        masks.areas().tolist(),
        segments.class_ids.tolist(),
        segments.is_crowd.tolist(),
        strict=True,
    )
    return [
        {
            "category_id": class_id + 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": area,
            "iscrowd": int(is_crowd),
            "segmentation": rle,
        }
        for rle, (x1, y1, x2, y2), area, class_id, is_crowd in rows
    ]


def count_annotations(
    annotations: Annotations, *, classes: DatasetClasses
) -> dict[str, ClassCount]:
    """Return how many annotations and pixels each class has."""
    counts: dict[str, ClassCount] = {}
    for annotation in annotations:
        class_id: int = annotation["category_id"] - 1
        count = counts.setdefault(classes.names[class_id], empty_class_count())
        if annotation["iscrowd"]:
            count["groups"] += 1
        else:
            count["segments"] += 1
            count["pixels"] += annotation["area"]
    return counts


def write_coco(
    path: Path,
    frames: Iterable[tuple[dict[str, Any], Annotations]],
    *,
    classes: DatasetClasses,
    overwrite: bool,
) -> None:
    """Write the annotations of a split.

    Args:
        path: The file.
        frames: The entry of each picture (`file_name`, `height`, `width`) and its annotations;
            only one is held in memory at a time.
        classes: The class set.
        overwrite: True when the file may be replaced.

    Raises:
        OutputError: It cannot be written.
    """
    categories = [
        {"id": number, "name": label.name, "supercategory": "thing" if label.is_thing else "stuff"}
        for number, label in enumerate(classes.labels, start=1)
    ]
    info = {"description": "Cityscapes, converted by Urban Segmentor"}
    head = json.dumps({"info": info, "licenses": [], "categories": categories})
    images: list[str] = []
    number = 0
    with AtomicFile(path, overwrite=overwrite) as file:
        file.write(head.removesuffix("}") + ',"annotations":[')
        for image_id, (image, annotations) in enumerate(frames, start=1):
            images.append(json.dumps({"id": image_id, **image}))
            for annotation in annotations:
                number += 1
                entry = {"id": number, "image_id": image_id, **annotation}
                file.write((",\n" if number > 1 else "\n") + json.dumps(entry))
        file.write('\n],"images":[\n' + ",\n".join(images) + "\n]}\n")
