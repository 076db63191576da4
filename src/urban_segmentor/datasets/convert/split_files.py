"""Annotation files of whole splits, and the data YAML of Ultralytics."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.convert.coco import write_coco
from urban_segmentor.datasets.convert.convert_frame import panoptic_folder
from urban_segmentor.datasets.convert.output_folder import YAML
from urban_segmentor.datasets.convert.panoptic import write_panoptic
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.structures.yolo_lines import class_names_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.convert.options import ConversionOptions


def write_split(options: ConversionOptions, split: str, records: Iterable[dict[str, Any]]) -> None:
    """Write the annotation file of a split where the format has one.

    Args:
        options: The conversion.
        split: Which split.
        records: Records of its frames; one is held in memory at a time.

    Raises:
        OutputError: It cannot be written.
    """
    if options.format == "coco":
        path = split_file(options, split)
        frames = ((record["image"], record["annotations"]) for record in records)
        write_coco(path, frames, classes=options.classes, overwrite=True)
    elif options.format == "panoptic":
        path = split_file(options, split)
        entries = (
            (record["report"]["stem"], record["image"], record["segments_info"])
            for record in records
        )
        write_panoptic(path, entries, classes=options.classes, overwrite=True)
    else:
        deque(records, maxlen=0)


def split_file(options: ConversionOptions, split: str) -> Path:
    """Return the path of a split's annotation file, for the formats `coco` and `panoptic`."""
    if options.format == "coco":
        return options.out / "annotations" / f"instances_{split}.json"
    return options.out / f"{panoptic_folder(split)}.json"


def write_yaml(options: ConversionOptions, splits: Sequence[str]) -> Path:
    """Write the file that Ultralytics takes as `data`, and return it.

    It has no `path`: Ultralytics then takes the folder that the file lies in, wherever that is
    moved to and whatever folder it is called from.

    Args:
        options: The conversion.
        splits: The splits that there are. Ultralytics insists on `train` and `val`; what is
            missing is told to be the first or the last of those.

    Raises:
        OutputError: It cannot be written.
    """
    folders = {"train": splits[0], "val": splits[-1]} | {split: split for split in splits}
    lines = [f"{split}: images/{folder}\n" for split, folder in folders.items()]
    path = options.out / YAML
    text = "".join(lines) + class_names_yaml(options.classes.names)
    write_atomically(path, text.encode("ascii"), overwrite=True)
    return path
