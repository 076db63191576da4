"""One frame of Cityscapes, with its picture and its polygons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import MAX_PIXELS, read_annotation
from urban_segmentor.datasets.cityscapes.check import inspect_frame
from urban_segmentor.datasets.cityscapes.file_names import GROUND_TRUTH, IMAGES, LABELS
from urban_segmentor.datasets.cityscapes.rasterize import draw_objects
from urban_segmentor.datasets.cityscapes.segments import visible_segments
from urban_segmentor.datasets.sample_images import path_bytes, read_sample_image
from urban_segmentor.errors import DatasetError, SourceError
from urban_segmentor.io.image_codec import decode_label_image
from urban_segmentor.io.image_header import read_header

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.segments import VisibleObjects
    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.findings import SampleInspection
    from urban_segmentor.structures.frame import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class CityscapesFrame:
    """One frame of the data set.

    Attributes:
        stem: City, sequence and frame, such as `aachen_000000_000019`.
        split: `train`, `val` or `test`.
        city: Name of the folder.
        polygons: The file with its labels, or None when there is none.
        image_path: The picture, or None when there is none.
    """

    stem: str
    split: str
    city: str
    polygons: Path | None
    image_path: Path | None

    def ground_truth(self, kind: str) -> Path | None:
        """Return an official picture of the labels that lies beside the polygons, or None.

        Args:
            kind: `instanceIds`, `labelIds` or `color`.
        """
        if self.polygons is None:
            return None
        path = self.polygons.with_name(f"{self.stem}_gtFine_{kind}.png")
        return path if path.is_file() else None

    @property
    def group(self) -> str:
        """The city."""
        return self.city

    @property
    def name(self) -> str:
        """How messages call it, `split/city/stem`."""
        return f"{self.split}/{self.city}/{self.stem}"

    @property
    def image_name(self) -> str:
        """What its picture is called, whether it is there or not."""
        return f"{self.stem}_{IMAGES}.png" if self.image_path is None else self.image_path.name

    @property
    def label_source(self) -> str:
        """`instanceIds` for the official picture, `polygons`, or nothing when there are none."""
        if self.polygons is None:
            return ""
        return "polygons" if self.ground_truth("instanceIds") is None else "instanceIds"

    @property
    def has_labels(self) -> bool:
        """Whether what its labels are read from is there."""
        return self.polygons is not None

    @property
    def lacking(self) -> str | None:
        """What it lacks, such as `has no picture`, or None when it has all."""
        return _missing_part(self)

    def image(self) -> Image:
        """Return the picture, uint8 (H, W, 3), RGB.

        Raises:
            DatasetError: There is none, or it cannot be read.
        """
        if self.image_path is None:
            raise DatasetError(
                f"`{self.name}` has no picture",
                hint="unpack `leftImg8bit_trainvaltest.zip` there",
            )
        return read_sample_image(self.image_path)

    def segments(
        self, classes: DatasetClasses, *, size: tuple[int, int] | None = None
    ) -> VisibleObjects:
        """Return what its polygons leave to be seen; see `Sample`."""
        drawn = draw_objects(read_annotation(self._polygons()))
        if size is not None:
            drawn = drawn.resized(size)
        return visible_segments(drawn, classes=classes, stuff="regions")

    def instance_ids(self) -> NDArray[np.int32]:
        """Return official `instanceIds` values, int32 (H, W).

        Of the official picture where it is there, else drawn of the polygons.

        Raises:
            DatasetError: There are no labels, or they cannot be read.
        """
        image = self.ground_truth("instanceIds")
        if image is not None:
            return _read_instance_ids(image)
        path = self._polygons()
        annotation = read_annotation(path)
        if annotation.problems:
            raise DatasetError(
                f"`{path}`: {annotation.problems[0]}",
                hint="unpack the archive again; a figure over damaged labels would be wrong",
            )
        return draw_objects(annotation).instance_ids()

    def inspect(self) -> SampleInspection:
        """Return all that is wrong with the picture and the polygons; both are read."""
        return inspect_frame(self)

    def _polygons(self) -> Path:
        if self.polygons is None:
            raise DatasetError(
                f"`{self.name}` has no polygons file",
                hint="unpack `gtFine_trainvaltest.zip` there",
            )
        return self.polygons


def _missing_part(sample: CityscapesFrame) -> str | None:
    """Return what a frame lacks; where polygons are missing, other labels are looked for."""
    if sample.image_path is None:
        return "has no picture"
    if sample.polygons is not None:
        return None
    folder = sample.image_path.parents[3] / LABELS / sample.split / sample.city
    drawn = [k for k in GROUND_TRUTH if (folder / f"{sample.stem}_gtFine_{k}.png").exists()]
    if drawn:
        return (
            f"has no polygons file, only pictures of labels ({', '.join(drawn)}), which cannot be "
            "converted: unpack the `.json` files of `gtFine_trainvaltest.zip` too"
        )
    return "has no polygons file"


def _read_instance_ids(path: Path) -> NDArray[np.int32]:
    data, name = path_bytes(path), f"`{path}`"
    wrong = DatasetError(
        f"`{path}` is no 16-bit grey PNG of instance ids",
        hint="unpack the archive again, or make it anew from the polygons: "
        "urban-segmentor data prepare DIR OUT --ground-truth instanceIds",
    )
    try:
        header = read_header(data, name=name)
        if header.mode != "I;16" or header.size[0] * header.size[1] > MAX_PIXELS:
            raise wrong
        return decode_label_image(data, name=name).astype(np.int32)
    except SourceError as error:
        raise wrong from error
