"""A frame's labels as Ultralytics reads them for training."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.datasets.convert.frame_report import (
    LARGE_PX,
    ClassCount,
    RoundTrip,
    add_iou,
    empty_class_count,
    empty_round_trip,
)
from urban_segmentor.structures.yolo_lines import yolo_lines

if TYPE_CHECKING:
    from urban_segmentor.datasets.cityscapes.annotation import Annotation
    from urban_segmentor.datasets.cityscapes.visible_objects import VisibleObject, VisibleObjects
    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.structures.polygons import BridgedRing


class YoloLabels(NamedTuple):
    """The label files of a frame, and what the polygons keep.

    Attributes:
        labels: The file with objects and regions.
        ignored: The same for groups, which a network must be neither taught nor punished for.
        classes: Counts by class name.
        large: Round trip of segments over 1,000 pixels.
        small: Round trip of the others.
    """

    labels: bytes
    ignored: bytes
    classes: dict[str, ClassCount]
    large: RoundTrip
    small: RoundTrip


def yolo_labels(found: VisibleObjects, *, classes: DatasetClasses) -> YoloLabels:
    """Return the label files of a frame.

    Args:
        found: What is to be seen in it.
        classes: The class set that `found` counts in.
    """
    counts: dict[str, ClassCount] = {}
    large, small = empty_round_trip(), empty_round_trip()
    kept: list[bytes] = []
    ignored: list[bytes] = []
    outlines = [one.outline() for one in found.objects]
    lines = yolo_lines(
        [one.class_id for one in found.objects],
        [outline.pixels for outline in outlines],
        image_size=found.image_size,
    )
    for one, outline, line in zip(found.objects, outlines, lines, strict=True):
        count = counts.setdefault(classes.names[one.class_id], empty_class_count())
        if one.is_crowd:
            ignored.append(line)
            count["groups"] += 1
            continue
        kept.append(line)
        pixels, lost, added = _filled(one, outline)
        count["segments"] += 1
        count["pixels"] += pixels
        count["lost"] += lost
        count["added"] += added
        count["bridged"] += outline.borders > 1
        iou = (pixels - lost) / (pixels + added)
        add_iou(large if pixels > LARGE_PX else small, iou)
    return YoloLabels(b"".join(kept), b"".join(ignored), counts, large, small)


def _filled(one: VisibleObject, outline: BridgedRing) -> tuple[int, int, int]:
    """Return the pixels of an object, those that filling lacks, and those that it has too many."""
    crop, origin = one.mask()
    mask = crop.view(np.uint8)
    pixels = cv2.countNonZero(mask)
    if outline.parts == 1:
        return pixels, 0, 0
    filled = np.zeros(mask.shape, dtype=np.uint8)
    cv2.fillPoly(filled, [outline.pixels - np.array(origin, dtype=np.int32)], (1,))
    both = cv2.countNonZero(filled & mask)
    return pixels, pixels - both, cv2.countNonZero(filled) - both


def original_labels(annotation: Annotation, *, classes: DatasetClasses) -> YoloLabels:
    """Return labels as the original demo made them, for comparison.

    Each polygon alone, with what others hide and what lies outside the picture; groups are no
    objects. Ultralytics leaves out pictures of which coordinates lie outside by over 1 %.

    Args:
        annotation: The polygons.
        classes: The classes wanted.
    """
    ids = classes.ids()
    height, width = annotation.image_size
    counts: dict[str, ClassCount] = {}
    lines: list[str] = []
    for item in annotation.objects:
        class_id = ids.get(item.label.name)
        if class_id is None or item.is_group:
            continue
        counts.setdefault(item.label.name, empty_class_count())["segments"] += 1
        values: list[float] = (item.points / (width, height)).ravel().tolist()
        lines.append(f"{class_id} " + " ".join(["%.6f"] * len(values)) % tuple(values) + "\n")
    labels = "".join(lines).encode("ascii")
    return YoloLabels(labels, b"", counts, empty_round_trip(), empty_round_trip())
