"""A frame with its labels as a picture that somebody can judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from urban_segmentor.datasets.samples import as_instances
from urban_segmentor.reports.montage import LegendEntry, Tile, side_by_side
from urban_segmentor.result import Result
from urban_segmentor.structures.frame import Frame
from urban_segmentor.visualization.overlay import Overlay, OverlayStyle

if TYPE_CHECKING:
    from urban_segmentor.datasets.cityscapes.segments import Segments
    from urban_segmentor.datasets.class_set import ClassSet
    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.structures.frame import Image

Sizing: TypeAlias = Literal["image", "labels"]
"""What keeps its size where a picture and its labels differ."""

_OVER = OverlayStyle(boxes=False, labels=False)
_MAP = OverlayStyle(boxes=False, labels=False, opacity=1.0)
_NONE: tuple[int, int, int] = (0, 0, 0)


def frame_sheet(frame: Sample, *, classes: ClassSet, sizing: Sizing = "image") -> Image:
    """Return a picture with its labels drawn over, the labels alone beside it, and a legend.

    Args:
        frame: The frame.
        classes: The classes that are drawn.
        sizing: What keeps its size; the other is resized.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        DatasetError: The picture or the labels cannot be read.
    """
    over, alone, legend = _drawn(frame, classes, sizing)
    height, width = over.shape[:2]
    name = f"{frame.stem}  ({frame.split}, {width} x {height})"
    return side_by_side([Tile(over, name), Tile(alone, "labels")], legend=legend)


def overlaid(frame: Sample, *, classes: ClassSet) -> Image:
    """Return a picture with its labels drawn over, uint8 (H, W, 3), RGB.

    Args:
        frame: The frame.
        classes: The classes that are drawn.

    Raises:
        DatasetError: The picture or the labels cannot be read.
    """
    return _drawn(frame, classes, "image")[0]


def _drawn(
    frame: Sample, classes: ClassSet, sizing: Sizing
) -> tuple[Image, Image, list[LegendEntry]]:
    """Return the picture with its labels, the labels alone, and what their colors mean."""
    image = frame.image()
    if sizing == "image":
        segments = frame.segments(classes, size=image.shape[:2])
    else:
        segments = frame.segments(classes)
        image = resized(image, segments.masks.image_size)
    instances = as_instances(segments, classes=classes)
    over = Overlay(style=_OVER).draw(Result(frame=Frame(pixels=image), instances=instances))
    dark = Frame(pixels=np.zeros_like(image))
    alone = Overlay(style=_MAP).draw(Result(frame=dark, instances=instances))
    return over, alone, _legend(segments, classes)


def _legend(segments: Segments, classes: ClassSet) -> list[LegendEntry]:
    """Return what occurs: things with how many there are, stuff with its share of the picture."""
    areas = segments.masks.areas()
    height, width = segments.masks.image_size
    entries: list[LegendEntry] = []
    for class_id, label in enumerate(classes.labels):
        mine = segments.class_ids == class_id
        if not mine.any():
            continue
        groups = int(np.count_nonzero(mine & segments.is_crowd))
        if label.is_thing:
            text = f"{label.name} {np.count_nonzero(mine) - groups}"
            text += f" + {groups} group{'s' * (groups > 1)}" if groups else ""
        else:
            text = f"{label.name} {percent(int(areas[mine].sum()), height * width)}"
        entries.append(LegendEntry(label.color, text))
    rest = height * width - int(areas.sum())
    if rest > 0:
        text = f"nothing of these {percent(rest, height * width)}"
        entries.append(LegendEntry(_NONE, text))
    return entries


def resized(image: Image, size: tuple[int, int]) -> Image:
    """Return a picture at another size, uint8 (H, W, 3), RGB.

    Args:
        image: uint8 (h, w, 3), RGB.
        size: Height and width wanted, pixels.
    """
    if size == image.shape[:2]:
        return image
    how = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size[::-1], interpolation=how), dtype=np.uint8)


def percent(part: int, whole: int) -> str:
    """Return a share with two digits.

    >>> percent(1, 3), percent(1, 300)
    ('33 %', '0.33 %')
    """
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"
