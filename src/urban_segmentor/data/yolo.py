"""A frame's labels as Ultralytics reads them for training."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from urban_segmentor.data.frame_report import (
    LARGE_PX,
    ClassCount,
    RoundTrip,
    no_counts,
    no_round_trip,
    note_iou,
)
from urban_segmentor.io.results.yolo import yolo_line
from urban_segmentor.polygons import bridged_polygon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.data.annotation import Annotation
    from urban_segmentor.data.classes import ClassSet
    from urban_segmentor.data.segments import Segments
    from urban_segmentor.masks import Crop


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


def yolo_labels(segments: Segments, *, classes: ClassSet) -> YoloLabels:
    """Return the label files of a frame.

    Args:
        segments: What is to be seen in it.
        classes: The class set that `segments` counts in.
    """
    counts: dict[str, ClassCount] = {}
    large, small = no_round_trip(), no_round_trip()
    kept: list[bytes] = []
    ignored: list[bytes] = []
    masks = segments.masks
    class_ids: list[int] = segments.class_ids.tolist()
    crowds: list[bool] = segments.is_crowd.tolist()
    rows = zip(masks.crops, masks.origins.tolist(), class_ids, crowds, strict=True)
    for crop, (x, y), class_id, is_crowd in rows:
        ring = bridged_polygon(crop, origin=(x, y))
        line = yolo_line(class_id, ring, image_size=masks.image_size)
        count = counts.setdefault(classes.names[class_id], no_counts())
        if is_crowd:
            ignored.append(line)
            count["groups"] += 1
            continue
        kept.append(line)
        area, lost, added = _round_trip(crop, ring, (x, y))
        count["segments"] += 1
        count["pixels"] += area
        count["lost"] += lost
        count["added"] += added
        count["bridged"] += _has_bridges(ring)
        note_iou(large if area > LARGE_PX else small, (area - lost) / (area + added))
    return YoloLabels(b"".join(kept), b"".join(ignored), counts, large, small)


def original_labels(annotation: Annotation, *, classes: ClassSet) -> YoloLabels:
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
        counts.setdefault(item.label.name, no_counts())["segments"] += 1
        values: list[float] = (item.points / (width, height)).ravel().tolist()
        lines.append(f"{class_id} " + " ".join(["%.6f"] * len(values)) % tuple(values) + "\n")
    labels = "".join(lines).encode("ascii")
    return YoloLabels(labels, b"", counts, no_round_trip(), no_round_trip())


def _round_trip(
    crop: Crop, ring: NDArray[np.float32], origin: tuple[int, int]
) -> tuple[int, int, int]:
    """Return pixels of the mask, and how many training loses and adds when it fills the ring."""
    filled = np.zeros(crop.shape, dtype=np.uint8)
    path = np.floor(ring).astype(np.int32) - np.asarray(origin, dtype=np.int32)
    cv2.fillPoly(filled, [path], (1,))
    area = int(np.count_nonzero(crop))
    both = int(np.count_nonzero(filled.view(np.bool_) & crop))
    return area, area - both, int(np.count_nonzero(filled)) - both


def _has_bridges(ring: NDArray[np.float32]) -> bool:
    return len(ring) > 3 and bool(np.any(np.all(ring[1:] == ring[:-1], axis=1)))
