"""Conversion of one frame: its labels and its image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.file_names import IMAGES, LABELS
from urban_segmentor.datasets.cityscapes.visible_objects import (
    ObjectMap,
    draw_objects,
    visible_objects,
)
from urban_segmentor.datasets.convert.coco import coco_annotations
from urban_segmentor.datasets.convert.frame_report import (
    FrameReport,
    count_segments,
    empty_round_trip,
)
from urban_segmentor.datasets.convert.panoptic import panoptic_labels
from urban_segmentor.datasets.convert.yolo import original_labels, yolo_labels
from urban_segmentor.datasets.sample_images import place_image, same_shape
from urban_segmentor.errors import DatasetError
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.writers.coco_panoptic import panoptic_png

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.annotation import Annotation
    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.datasets.convert.options import ConversionOptions

PANOPTIC = "cityscapes_panoptic_"
"""Prefix of the official names of panoptic folders and files."""


def convert_frame(frame: CityscapesFrame, options: ConversionOptions) -> FrameReport:
    """Convert one frame, and return its report.

    Args:
        frame: A frame with polygons and an image.
        options: Options of the conversion.

    Raises:
        DatasetError: The polygons or the image cannot be read; then nothing is written.
        OutputError: The disk is full, or the like.
    """
    if frame.polygons is None or frame.image_path is None:
        raise DatasetError(f"`{frame.stem}` lacks its polygons or its picture")
    annotation = read_annotation(frame.polygons)
    drawn = draw_objects(annotation)
    image = _image_path(options, frame, frame.image_path)
    size = place_image(
        frame.image_path, image, placement=options.placement, imgsz=options.imgsz, overwrite=True
    )
    report: FrameReport = {
        "stem": frame.stem,
        "split": frame.split,
        "polygons": len(annotation.objects),
        "clipped": annotation.outside,
        "deleted": annotation.deleted,
        "hidden": 0,
        "classes": {},
        "large": empty_round_trip(),
        "small": empty_round_trip(),
        "problems": [
            *(f"`{frame.polygons}`: {problem}" for problem in annotation.problems),
            *(f"`{frame.polygons}`: unknown label `{name}`" for name in annotation.unknown),
        ],
    }
    if not isinstance(options.imgsz, tuple) and not same_shape(size, annotation.image_size):
        text = f"is {size[1]} x {size[0]}, of another shape than its polygons"
        report["problems"].append(f"`{frame.image_path}` {text}: they are stretched to fit")
    extra: dict[str, Any] = {"image": _image(image, size)}
    if options.format == "yolo":
        _write_yolo(annotation, drawn, frame, options, report)
    else:
        stuff = options.stuff if options.format == "coco" else "whole"
        found = visible_objects(drawn.resized(size), classes=options.classes, stuff=stuff)
        segments = found.segments()
        report["hidden"] = found.hidden
        report["classes"] = count_segments(segments, classes=options.classes)
        if options.format == "coco":
            extra["annotations"] = coco_annotations(segments)
        else:
            segment_ids, entries = panoptic_labels(segments, classes=options.classes)
            extra["segments_info"] = entries
            name = f"{frame.stem}_gtFine_panoptic.png"
            path = options.out / panoptic_folder(frame.split) / name
            write_atomically(path, panoptic_png(segment_ids), overwrite=True)
    for kind in options.ground_truth:
        _write_ground_truth(drawn, frame, options, kind)
    record = json.dumps({"report": report, **extra}).encode("ascii")
    write_atomically(options.record(frame), record, overwrite=True)
    return report


def panoptic_folder(split: str) -> str:
    """Return the official folder name of a split's panoptic images."""
    return PANOPTIC + split


def _write_yolo(
    annotation: Annotation,
    drawn: ObjectMap,
    frame: CityscapesFrame,
    options: ConversionOptions,
    report: FrameReport,
) -> None:
    if options.as_original:
        labels = original_labels(annotation, classes=options.classes)
    else:
        found = visible_objects(drawn, classes=options.classes, stuff=options.stuff)
        labels = yolo_labels(found, classes=options.classes)
        report["hidden"] = found.hidden
    report["classes"], report["large"], report["small"] = (
        labels.classes,
        labels.large,
        labels.small,
    )
    name = f"{frame.stem}_{IMAGES}.txt"
    if labels.ignored:
        ignored = options.out / "ignored" / frame.split / name
        write_atomically(ignored, labels.ignored, overwrite=True)
    write_atomically(options.out / "labels" / frame.split / name, labels.labels, overwrite=True)


def _write_ground_truth(
    drawn: ObjectMap, frame: CityscapesFrame, options: ConversionOptions, kind: str
) -> None:
    name = f"{frame.stem}_gtFine_{kind}.png"
    path = options.out / LABELS / frame.split / frame.group / name
    if kind == "color":
        image = drawn.colors()
    elif kind == "labelIds":
        image = drawn.label_ids()
    else:
        image = drawn.instance_ids().astype("uint16")
    write_atomically(path, encode_image(image, suffix=".png"), overwrite=True)


def _image_path(options: ConversionOptions, frame: CityscapesFrame, image: Path) -> Path:
    name = f"{frame.stem}_{IMAGES}{image.suffix.lower()}"
    return options.out / "images" / frame.split / name


def _image(image: Path, size: tuple[int, int]) -> dict[str, Any]:
    return {"file_name": image.name, "height": size[0], "width": size[1]}
