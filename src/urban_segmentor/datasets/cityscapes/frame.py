"""One frame of Cityscapes, with its picture and its polygons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import MAX_PIXELS, read_annotation
from urban_segmentor.datasets.cityscapes.file_names import GROUND_TRUTH, IMAGES, LABELS
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects, visible_objects
from urban_segmentor.datasets.findings import Finding
from urban_segmentor.datasets.sample_images import path_bytes, same_shape
from urban_segmentor.datasets.samples import Sample
from urban_segmentor.errors import DatasetError, SourceError
from urban_segmentor.io.image_codec import decode_label_image
from urban_segmentor.io.image_header import read_header

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.annotation import Annotation
    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.segments import Segments

_USUAL_OUTSIDE_PX = 32  # official polygons reach up to 15 pixels past the border


@dataclass(frozen=True, slots=True, kw_only=True)
class CityscapesFrame(Sample):
    """One frame of the data set.

    Attributes:
        group: Its city, the name of the folder.
        polygons: The file with its labels, or None when there is none.
    """

    polygons: Path | None

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
    def name(self) -> str:
        """How messages call it, `split/city/stem`."""
        return f"{self.split}/{self.group}/{self.stem}"

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

    @property
    def image_hint(self) -> str:
        """Where its picture comes from, for those who lack it."""
        return "unpack `leftImg8bit_trainvaltest.zip` there"

    def segments(self, classes: DatasetClasses, *, size: tuple[int, int] | None = None) -> Segments:
        """Return what its polygons leave to be seen; see `Sample`."""
        drawn = draw_objects(read_annotation(self._polygons()))
        if size is not None:
            drawn = drawn.resized(size)
        return visible_objects(drawn, classes=classes, stuff="regions").segments()

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

    def missing_parts(self) -> list[Finding]:
        """Return what there is to say about files that are not there."""
        wrong = self.image_path is None or self.split != "test"
        return [one._replace(wrong=wrong) for one in Sample.missing_parts(self)]

    def label_findings(self, size: tuple[int, int] | None) -> list[Finding]:
        """Return what there is to say about the polygons."""
        if self.polygons is None:
            return []
        annotation = read_annotation(self.polygons)
        return [*_label_findings(annotation, self), *_size_findings(annotation, size, self.name)]

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
    folder = sample.image_path.parents[3] / LABELS / sample.split / sample.group
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


def _label_findings(annotation: Annotation, frame: CityscapesFrame) -> list[Finding]:
    where = frame.name
    findings = [Finding("polygon", where, text, wrong=True) for text in annotation.problems]
    findings += [
        Finding("label", where, f"has the unknown label `{name}`", wrong=True)
        for name in annotation.unknown
    ]
    if all(item.label.train_id is None for item in annotation.objects):
        text = "has no labels of any training class: a dummy, as in the test split"
        findings.append(Finding("dummy", where, text, wrong=frame.split != "test"))
    if annotation.outside:
        reach = _reach_px(annotation)
        count = annotation.outside
        subject = "1 polygon reaches" if count == 1 else f"{count} polygons reach"
        text = f"{subject} out of the picture, by up to {reach:.0f} px"
        findings.append(Finding("outside", where, text, wrong=reach > _USUAL_OUTSIDE_PX))
    if annotation.deleted:
        count = annotation.deleted
        text = f"{count} object{' is' if count == 1 else 's are'} marked as deleted"
        findings.append(Finding("deleted", where, text, wrong=False))
    return findings


def _size_findings(
    annotation: Annotation, size: tuple[int, int] | None, where: str
) -> list[Finding]:
    if size is None or size == annotation.image_size:
        return []
    (height, width), (label_height, label_width) = size, annotation.image_size
    text = f"the picture has {width} x {height} pixels, its polygons {label_width} x {label_height}"
    return [Finding("size", where, text, wrong=not same_shape(size, annotation.image_size))]


def _reach_px(annotation: Annotation) -> float:
    """Return how far polygons reach out of the image, pixels."""
    height, width = annotation.image_size
    points = np.concatenate([item.points for item in annotation.objects])
    beyond = np.maximum(-points, points - (width - 1, height - 1))
    return float(beyond.max())
