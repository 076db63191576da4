"""What is wrong with a Cityscapes frame or folder, and what official data has too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.findings import Finding, SampleInspection, unreadable
from urban_segmentor.datasets.sample_images import read_sample_image, same_shape
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from urban_segmentor.datasets.cityscapes.annotation import Annotation
    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame

_OFFICIAL_COUNTS = {"train": 2975, "val": 500, "test": 1525}
_USUAL_OUTSIDE_PX = 32  # official polygons reach up to 15 pixels past the border


def inspect_frame(frame: CityscapesFrame) -> SampleInspection:
    """Return what there is to say about a frame; its picture and its polygons are read.

    Args:
        frame: The frame.
    """
    where = frame.name
    findings: list[Finding] = []
    size: tuple[int, int] | None = None
    annotation: Annotation | None = None
    if lacking := frame.lacking:
        wrong = frame.image_path is None or frame.split != "test"
        findings.append(Finding("missing", where, lacking, wrong=wrong))
    if frame.image_path is not None:
        try:
            image = read_sample_image(frame.image_path)
            size = (image.shape[0], image.shape[1])
        except DatasetError as error:
            findings.append(unreadable(where, error))
    if frame.polygons is not None:
        try:
            annotation = read_annotation(frame.polygons)
        except DatasetError as error:
            findings.append(unreadable(where, error))
    if annotation is not None:
        findings += _label_findings(annotation, frame, where)
        findings += _size_findings(annotation, size, where)
    return SampleInspection(size, findings)


def _label_findings(annotation: Annotation, frame: CityscapesFrame, where: str) -> list[Finding]:
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


def set_findings(frames: Sequence[CityscapesFrame]) -> Iterator[Finding]:
    """Yield the frames of one name, and which splits are not as large as the official ones.

    Args:
        frames: All frames of a folder.
    """
    known: dict[tuple[str, str], CityscapesFrame] = {}
    for frame in frames:
        other = known.setdefault((frame.split, frame.stem), frame)
        if other is not frame:
            yield Finding("name", frame.name, f"has the name of `{other.name}`", wrong=True)
    for split, official in _OFFICIAL_COUNTS.items():
        found = sum(one.split == split and one.image_path is not None for one in frames)
        if found != official:
            text = f"has {found:,} pictures, the official data set has {official:,}"
            yield Finding("count", split, text, wrong=False)
