"""Report of a converted frame as plain JSON, and sums over frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.segments import Segments


class ClassCount(TypedDict):
    """Label counts of one class.

    Attributes:
        segments: Objects and regions written.
        groups: Regions of several objects: crowd in COCO, left out in YOLO.
        bridged: Segments whose parts or holes hang together by bridges.
        pixels: Pixels of all that was written.
        lost: Pixels that the polygons no longer cover.
        added: Pixels that the polygons cover and the labels do not.
    """

    segments: int
    groups: int
    bridged: int
    pixels: int
    lost: int
    added: int


class RoundTrip(TypedDict):
    """IoU of masks after a round trip through polygons, over segments of one size.

    Attributes:
        segments: How many.
        sum_iou: Sum of their IoU with the masks.
        lowest: The lowest IoU; 1 when there are none.
        below: How many lie below 0.995.
    """

    segments: int
    sum_iou: float
    lowest: float
    below: int


class FrameReport(TypedDict):
    """Report of one converted frame.

    Attributes:
        stem: Its name.
        split: Its split.
        polygons: Polygons drawn.
        clipped: Polygons that reach out of the picture, and were cut off there.
        deleted: Polygons marked as deleted, not drawn.
        hidden: Objects of which nothing is to be seen under later ones.
        classes: Counts by class name.
        large: Round trip of segments over 1,000 pixels.
        small: Round trip of the others.
        problems: One sentence each.
    """

    stem: str
    split: str
    polygons: int
    clipped: int
    deleted: int
    hidden: int
    classes: dict[str, ClassCount]
    large: RoundTrip
    small: RoundTrip
    problems: list[str]


LARGE_PX = 1000
GOOD_IOU = 0.995


def empty_class_count() -> ClassCount:
    """Return a class count of zeros."""
    return {"segments": 0, "groups": 0, "bridged": 0, "pixels": 0, "lost": 0, "added": 0}


def count_segments(segments: Segments, *, classes: DatasetClasses) -> dict[str, ClassCount]:
    """Return how many segments, groups and pixels each class has.

    Args:
        segments: What is to be seen in a frame.
        classes: The class set that they count in.
    """
    counts: dict[str, ClassCount] = {}
    class_ids: list[int] = segments.class_ids.tolist()
    crowds: list[bool] = segments.is_crowd.tolist()
    areas: list[int] = segments.masks.areas().tolist()
    for class_id, is_crowd, area in zip(class_ids, crowds, areas, strict=True):
        count = counts.setdefault(classes.names[class_id], empty_class_count())
        if is_crowd:
            count["groups"] += 1
        else:
            count["segments"] += 1
            count["pixels"] += area
    return counts


def empty_round_trip() -> RoundTrip:
    """Return a round trip over no segments."""
    return {"segments": 0, "sum_iou": 0.0, "lowest": 1.0, "below": 0}


def add_iou(trip: RoundTrip, iou: float) -> None:
    """Add one segment to a round trip."""
    trip["segments"] += 1
    trip["sum_iou"] += iou
    trip["lowest"] = min(trip["lowest"], iou)
    trip["below"] += iou < GOOD_IOU


def add_counts(total: dict[str, ClassCount], more: dict[str, ClassCount]) -> None:
    """Add the counts of a frame to a total."""
    for name, count in more.items():
        known = total.setdefault(name, empty_class_count())
        known["segments"] += count["segments"]
        known["groups"] += count["groups"]
        known["bridged"] += count["bridged"]
        known["pixels"] += count["pixels"]
        known["lost"] += count["lost"]
        known["added"] += count["added"]


def add_round_trip(total: RoundTrip, more: RoundTrip) -> None:
    """Add the figures of a frame to a total."""
    total["segments"] += more["segments"]
    total["sum_iou"] += more["sum_iou"]
    total["lowest"] = min(total["lowest"], more["lowest"])
    total["below"] += more["below"]
