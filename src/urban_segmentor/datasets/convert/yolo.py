"""A frame's labels as Ultralytics reads them for training."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    from urban_segmentor.datasets.cityscapes.outlines import VisibleOutlines
    from urban_segmentor.datasets.dataset_classes import DatasetClasses


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


def yolo_labels(
    outlines: VisibleOutlines, *, classes: DatasetClasses, image_size: tuple[int, int]
) -> YoloLabels:
    """Return the label files of a frame.

    Args:
        outlines: What is to be seen in it.
        classes: The class set that `outlines` counts in.
        image_size: Height and width of the frame that they were drawn on, pixels.
    """
    counts: dict[str, ClassCount] = {}
    large, small = empty_round_trip(), empty_round_trip()
    kept: list[bytes] = []
    ignored: list[bytes] = []
    labeled, names = outlines.outlines, classes.names
    lines = yolo_lines(
        [outline.class_id for outline in labeled],
        [outline.ring for outline in labeled],
        image_size=image_size,
    )
    for outline, line, fill in zip(labeled, lines, outlines.fills(), strict=True):
        count = counts.setdefault(names[outline.class_id], empty_class_count())
        if outline.is_crowd:
            ignored.append(line)
            count["groups"] += 1
            continue
        kept.append(line)
        pixels, lost, added = fill
        count["segments"] += 1
        count["pixels"] += pixels
        count["lost"] += lost
        count["added"] += added
        count["bridged"] += outline.joined
        trip = large if pixels > LARGE_PX else small
        if lost or added:
            add_iou(trip, (pixels - lost) / (pixels + added))
        else:
            trip["segments"] += 1
            trip["sum_iou"] += 1
    return YoloLabels(b"".join(kept), b"".join(ignored), counts, large, small)


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
