"""Images of a frame with its labels drawn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from urban_segmentor.reports.montage import LegendEntry, Tile, montage
from urban_segmentor.result import Result
from urban_segmentor.structures.frame import Frame
from urban_segmentor.visualization.overlay import Overlay
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.datasets.segments import Segments
    from urban_segmentor.structures.frame import Image

Sizing: TypeAlias = Literal["image", "labels"]
"""Which one keeps its size where image and labels differ."""

_OVERLAY_STYLE = OverlayStyle(boxes=False, labels=False)
_MAP_STYLE = OverlayStyle(boxes=False, labels=False, opacity=1.0)
_UNLABELED_COLOR: tuple[int, int, int] = (0, 0, 0)


def frame_sheet(frame: Sample, *, classes: DatasetClasses, sizing: Sizing = "image") -> Image:
    """Return an image with its labels drawn on it, the label map beside it, and a legend.

    Args:
        frame: The frame.
        classes: The class set.
        sizing: Which one keeps its size; the other is resized.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        DatasetError: The image or the labels cannot be read.
    """
    overlay, label_map, legend = _drawn(frame, classes, sizing)
    height, width = overlay.shape[:2]
    name = f"{frame.stem}  ({frame.split}, {width} x {height})"
    return montage([Tile(overlay, name), Tile(label_map, "labels")], legend=legend)


def draw_labels(frame: Sample, *, classes: DatasetClasses) -> Image:
    """Return an image with its labels drawn on it, uint8 (H, W, 3), RGB.

    Args:
        frame: The frame.
        classes: The class set.

    Raises:
        DatasetError: The image or the labels cannot be read.
    """
    return _drawn(frame, classes, "image")[0]


def _drawn(
    frame: Sample, classes: DatasetClasses, sizing: Sizing
) -> tuple[Image, Image, list[LegendEntry]]:
    """Return the image with its labels, the label map, and the legend."""
    image = frame.image()
    if sizing == "image":
        segments = frame.segments(classes, size=image.shape[:2])
    else:
        segments = frame.segments(classes)
        image = resize_image(image, segments.masks.image_size)
    instances = segments.as_instances(classes)
    overlay = Overlay(style=_OVERLAY_STYLE).draw(
        Result(frame=Frame(pixels=image), instances=instances)
    )
    dark = Frame(pixels=np.zeros_like(image))
    label_map = Overlay(style=_MAP_STYLE).draw(Result(frame=dark, instances=instances))
    return overlay, label_map, _legend(segments, classes)


def _legend(segments: Segments, classes: DatasetClasses) -> list[LegendEntry]:
    """Return the legend: things with their counts, stuff with its share of the image."""
    areas = segments.masks.areas()
    height, width = segments.masks.image_size
    entries: list[LegendEntry] = []
    for class_id, label in enumerate(classes.labels):
        is_class = segments.class_ids == class_id
        if not is_class.any():
            continue
        groups = int(np.count_nonzero(is_class & segments.is_crowd))
        if label.is_thing:
            text = f"{label.name} {np.count_nonzero(is_class) - groups}"
            text += f" + {groups} group{'s' * (groups > 1)}" if groups else ""
        else:
            text = f"{label.name} {percent(int(areas[is_class].sum()), height * width)}"
        entries.append(LegendEntry(label.color, text))
    rest = height * width - int(areas.sum())
    if rest > 0:
        text = f"nothing of these {percent(rest, height * width)}"
        entries.append(LegendEntry(_UNLABELED_COLOR, text))
    return entries


def resize_image(image: Image, size: tuple[int, int]) -> Image:
    """Return a resized image, uint8 (H, W, 3), RGB.

    Args:
        image: uint8 (h, w, 3), RGB.
        size: Target height and width, pixels.
    """
    if size == image.shape[:2]:
        return image
    interpolation = cv2.INTER_AREA if size[0] < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size[::-1], interpolation=interpolation), dtype=np.uint8)


def percent(part: int, whole: int) -> str:
    """Return a fraction as percent with two digits.

    >>> percent(1, 3), percent(1, 300)
    ('33 %', '0.33 %')
    """
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 else f"{share:.2g} %"
