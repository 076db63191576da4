"""A frame's labels as COCO instance annotations, and the file over a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from urban_segmentor.io.writers.coco_json import CocoJsonFile, coco_head
from urban_segmentor.structures.coco_annotations import annotation_rows, coco_categories

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.segments import Segments

Annotations = list[dict[str, Any]]
"""Annotations of a frame, without `id` and `image_id`, which the split decides."""


def coco_annotations(segments: Segments) -> Annotations:
    """Return the annotations of a frame; masks are run lengths, groups are crowds.

    Args:
        segments: What is to be seen in it.
    """
    return annotation_rows(
        segments.masks,
        boxes=segments.masks.rectangles(),
        class_ids=segments.class_ids,
        is_crowd=segments.is_crowd,
    )


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
    categories = coco_categories(classes.class_list)
    head = coco_head("Cityscapes, converted by Urban Segmentor", categories=categories)
    with CocoJsonFile(path, head=head, overwrite=overwrite) as file:
        for image_id, (image, annotations) in enumerate(frames, start=1):
            numbered = [
                {"id": number, "image_id": image_id, **annotation}
                for number, annotation in enumerate(annotations, start=file.annotations + 1)
            ]
            file.add({"id": image_id, **image}, numbered)
