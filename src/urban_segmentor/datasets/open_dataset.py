"""Whatever data set lies somewhere, as frames with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.datasets.cityscapes.layout import (
    cityscapes_set,
    folder_content,
    folder_hint,
    read_layout,
)
from urban_segmentor.datasets.coco import coco_files, read_coco
from urban_segmentor.datasets.convert.options import WORK
from urban_segmentor.datasets.panoptic import panoptic_files, read_panoptic
from urban_segmentor.datasets.yolo import read_yolo
from urban_segmentor.datasets.yolo_yaml import YAML_SUFFIXES, find_yolo_yaml
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from urban_segmentor.datasets.samples import SampleSet


class DatasetReader(NamedTuple):
    """How a format is known, and read.

    Attributes:
        knows: What says that a folder or file is in the format; nothing where it is not.
        read: Its frames.
    """

    knows: Callable[[Path], object]
    read: Callable[[Path], SampleSet]


def is_cityscapes(path: Path) -> bool:
    """Return whether a folder has the official layout, and was not made by `data prepare`."""
    # What `data prepare` made may have official pictures in a folder `gtFine` as well.
    names = ("leftImg8bit", "gtFine")
    return any((path / name).is_dir() for name in names) and not (path / "images").is_dir()


def _read_cityscapes(path: Path) -> SampleSet:
    return cityscapes_set(read_layout(path))


READERS: dict[str, DatasetReader] = {
    "Cityscapes": DatasetReader(is_cityscapes, _read_cityscapes),
    "YOLO": DatasetReader(find_yolo_yaml, read_yolo),
    "panoptic": DatasetReader(panoptic_files, read_panoptic),
    "COCO": DatasetReader(coco_files, read_coco),
}
"""Readers by the names of their formats, in the order in which they are asked."""


def open_dataset(path: Path) -> SampleSet:
    """Return the frames of a data set.

    Args:
        path: A Cityscapes folder, a folder or YAML file of YOLO's format, a folder or JSON file
            as COCO has them, or what `data prepare` made.

    Raises:
        DatasetError: It is none of these, or damaged.
    """
    for reader in READERS.values():
        if reader.knows(path):
            return reader.read(path)
    if path.is_file():
        raise DatasetError(
            f"`{path}` is neither the YAML file of a data set in YOLO's format nor a COCO JSON "
            "file",
            hint=f"give a folder, or a file that ends in .json, {' or '.join(YAML_SUFFIXES)}",
        )
    if (path / WORK).is_dir():
        raise DatasetError(
            f"`{path}` is being made by `data prepare`, or was left unfinished",
            hint="repeat the command that began it, it goes on where it was",
        )
    if path.is_dir():
        raise DatasetError(
            f"`{path}` is no data set: looked for `gtFine` and `leftImg8bit` of Cityscapes, "
            f"`data.yaml` of YOLO and a JSON file of COCO, found {folder_content(path)}",
            hint=folder_hint(path),
        )
    return _read_cityscapes(path)  # which tells what may be meant
