"""Frames of any data set as pictures and labels that Ultralytics reads, in the folder of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.datasets.sample_images import place_image
from urban_segmentor.datasets.yolo import label_path_of
from urban_segmentor.errors import DatasetError
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.structures.yolo_lines import instance_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample

_FEW = 200  # so many are done before other processes have started


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloConversion:
    """A frame that is to become a picture with a label file.

    Attributes:
        sample: The frame.
        classes: The classes by their number.
        image: Where its picture goes, a folder `images` above it.
        labels: Where its labels go.
        ignored: Where its regions go that do not count.
    """

    sample: Sample
    classes: DatasetClasses
    image: Path
    labels: Path
    ignored: Path

    def write(self) -> None:
        """Link the picture, and write the labels; parts and holes are joined by bridges.

        Raises:
            DatasetError: The picture or the labels cannot be read.
            OutputError: The disk is full or the like.
        """
        if self.sample.image_path is None:
            raise DatasetError(f"`{self.sample.name}` {self.sample.lacking}")
        size = place_image(
            self.sample.image_path, self.image, placement="link", imgsz=None, overwrite=True
        )
        segments = self.sample.segments(self.classes, size=size)
        lines = instance_lines(segments.as_instances(self.classes))
        crowds: list[bool] = segments.is_crowd.tolist()
        kept = [line for line, crowd in zip(lines, crowds, strict=True) if not crowd]
        ignored = [line for line, crowd in zip(lines, crowds, strict=True) if crowd]
        write_atomically(self.labels, b"".join(kept), overwrite=True)
        if ignored:
            write_atomically(self.ignored, b"".join(ignored), overwrite=True)


def conversion_of(sample: Sample, *, classes: DatasetClasses, folder: Path) -> YoloConversion:
    """Return how a frame becomes a picture with a label file; nothing is written.

    Args:
        sample: The frame.
        classes: The classes by their number.
        folder: What has the folders `images`, `labels` and `ignored`.
    """
    suffix = sample.image_name.rpartition(".")[2]
    return YoloConversion(
        sample=sample,
        classes=classes,
        image=folder / "images" / sample.split / f"{sample.stem}.{suffix}",
        labels=folder / "labels" / sample.split / f"{sample.stem}.txt",
        ignored=folder / "ignored" / sample.split / f"{sample.stem}.txt",
    )


def write_conversions(conversions: Sequence[YoloConversion]) -> None:
    """Write the pictures and labels of many frames.

    Raises:
        DatasetError: The picture or the labels of one cannot be read.
        OutputError: The disk is full or the like.
        WorkerError: A process died.
    """
    workers = 1 if len(conversions) < _FEW else None
    for _ in in_parallel(_write, conversions, workers=workers):
        pass


def ignored_outlines(image: Path) -> list[NDArray[np.float32]]:
    """Return the polygons of a prepared image's ignore regions, float32 (K, 2) each.

    Args:
        image: A file under `images/` of a folder that `data prepare` made.

    Returns:
        For each region float32 (K, 2), x and y as fractions of the image; none when the image
        has no file under `ignored/`.
    """
    path = label_path_of(image, "ignored", ".txt")
    if "images" not in image.parent.parts or not path.is_file():
        return []
    rows = (np.array(line.split()[1:], dtype=np.float32) for line in path.read_text().splitlines())
    return [row.reshape(-1, 2) for row in rows if row.size >= 6]


def _write(conversion: YoloConversion) -> None:
    conversion.write()
