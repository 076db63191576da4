"""Data sets in YOLO's segmentation format, as Ultralytics reads them.

Source: docs.ultralytics.com/datasets/segment: a YAML file with `path`, `train`, `val`, `test` and
`names`; the labels of `a/images/b.jpg` are `a/labels/b.txt`, lines of `class x1 y1 x2 y2 ...`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.datasets.findings import (
    Finding,
    check_whole,
)
from urban_segmentor.datasets.sample_images import sample_image_size
from urban_segmentor.datasets.samples import Sample, SampleSet, unique_stems
from urban_segmentor.datasets.segments import (
    LabelMask,
    numbered_segments,
    official_ids,
)
from urban_segmentor.datasets.yolo_labels import read_yolo_labels
from urban_segmentor.datasets.yolo_yaml import (
    YoloYaml,
    find_yolo_yaml,
    read_yolo_yaml,
    split_images,
)
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.segments import Segments
    from urban_segmentor.structures.masks import Crop


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloSample(Sample):
    """A frame whose labels are a YOLO file, painted as training paints them.

    Attributes:
        image_path: The picture.
        labels: The file with its objects; one that is not there says that there are none.
        ignored: The same for regions that do not count; need not be there.
        classes: The classes by their number.
        needs_labels: True where each picture must have a label file.
    """

    image_path: Path
    labels: Path
    ignored: Path
    classes: DatasetClasses
    needs_labels: bool

    @property
    def image_name(self) -> str:
        """What its picture is called in results."""
        return f"{self.stem}{self.image_path.suffix}"

    @property
    def label_source(self) -> str:
        """`YOLO labels`."""
        return "YOLO labels"

    @property
    def has_labels(self) -> bool:
        """Whether what its labels are read from is there."""
        return self.labels.is_file()

    @property
    def lacking(self) -> str | None:
        """What it lacks, or None when it has all."""
        if self.needs_labels and not self.labels.is_file():
            return "has no label file"
        return None

    def segments(self, classes: DatasetClasses, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the labels; see `Sample`."""
        size = size or sample_image_size(self.image_path)
        masks, findings = self._read(size)
        check_whole(findings)
        return numbered_segments(masks, classes, size=size)

    def instance_ids(self) -> NDArray[np.int32]:
        """Return official `instanceIds` values, int32 (H, W)."""
        return official_ids(self.segments(self.classes), name=self.name)

    def missing_parts(self) -> list[Finding]:
        """Return what there is to say about a label file that is not there."""
        if self.lacking is None and not self.has_labels:
            text = "has no label file: a picture with nothing in it"
            return [Finding("missing", self.name, text, wrong=False)]
        return Sample.missing_parts(self)

    def label_findings(self, size: tuple[int, int] | None) -> list[Finding]:
        """Return what is wrong with the label files."""
        return self._read(size or (1, 1))[1]

    def class_ids(self) -> frozenset[int]:
        """Return the numbers of the classes that it shows, without looking at its picture.

        Raises:
            DatasetError: Something is wrong with the labels.
        """
        if not self.labels.is_file():
            return frozenset()
        found = read_yolo_labels(self.labels, n_classes=len(self.classes.labels))
        # `data prepare --labels-as-original` leaves in what the original demo trained on.
        may_reach_out = self.needs_labels
        check_whole([one for one in found.findings if one.kind != "outside" or not may_reach_out])
        return frozenset(label.class_id for label in found.labels)

    def _read(self, size: tuple[int, int]) -> tuple[list[LabelMask], list[Finding]]:
        """Return all masks, and what is wrong."""
        masks: list[LabelMask] = []
        findings: list[Finding] = []
        for path, is_crowd in ((self.labels, False), (self.ignored, True)):
            if not path.is_file():
                continue
            found = read_yolo_labels(path, n_classes=len(self.classes.labels))
            findings += found.findings
            for label in found.labels:
                # Cut down to pixels as training does; a ring may end at 1, which is no pixel.
                ring = np.floor(label.ring * size[::-1]).astype(np.int32)
                if (filled := _filled_ring(ring, size)) is not None:
                    masks.append(LabelMask(*filled, self.classes.labels[label.class_id], is_crowd))
        return masks, findings


def read_yolo(path: Path) -> SampleSet:
    """Return the frames of a data set in YOLO's format.

    Args:
        path: The folder, or the YAML file that describes it.

    Raises:
        DatasetError: The YAML file is damaged, or there are no pictures where it says.
    """
    about = read_yolo_yaml(find_yolo_yaml(path) or path)
    findings: list[Finding] = []
    samples: list[YoloSample] = []
    for split in about.splits:
        images, found = split_images(about, split)
        findings += found
        samples += _samples(about, split, images)
    if not samples:
        first = f": `{findings[0].where}` {findings[0].text}" if findings else ""
        raise DatasetError(
            f"there are no pictures where `{about.path}` says{first}",
            hint="`train` and `val` name folders with pictures, relative to `path`",
        )
    findings += _without_images(samples)
    return SampleSet(
        root=about.root,
        kind="yolo",
        samples=tuple(samples),
        classes=about.classes,
        counted=about.classes,
        drawn=about.classes,
        findings=tuple(findings),
        file=None if find_yolo_yaml(about.root) == about.path else about.path,
    )


def label_path_of(image: Path, kind: str, suffix: str) -> Path:
    """Return the file that goes with a picture: the last folder `images` of its path renamed.

    Without such a folder it lies beside the picture, as Ultralytics has it.

    Args:
        image: The picture.
        kind: What `images` becomes, such as `labels`.
        suffix: The new ending.
    """
    parts = list(image.parts)
    folders = parts[:-1]
    if "images" in folders:
        parts[len(folders) - 1 - folders[::-1].index("images")] = kind
    return type(image)(*parts).with_suffix(suffix)


def _samples(about: YoloYaml, split: str, images: list[Path]) -> Iterator[YoloSample]:
    relative = [
        image.relative_to(about.root) if image.is_relative_to(about.root) else image
        for image in images
    ]
    for image, short, stem in zip(images, relative, unique_stems(relative), strict=True):
        ignored = label_path_of(image, "ignored", ".txt")
        yield YoloSample(
            stem=stem,
            split=split,
            group=str(short.parent),
            image_path=image,
            labels=label_path_of(image, "labels", ".txt"),
            # Without a folder `images` both would be the same file.
            ignored=ignored if "images" in image.parent.parts else ignored.with_suffix(".ignored"),
            classes=about.classes,
            needs_labels=about.is_prepared,
        )


def _without_images(samples: list[YoloSample]) -> Iterator[Finding]:
    """Yield the label files in the folders of known ones that no picture belongs to."""
    known = {sample.labels for sample in samples}
    for folder in sorted({path.parent for path in known}):
        if folder.is_dir() and folder.name != "images":
            for path in sorted(folder.glob("*.txt")):
                # Texts beside pictures may be anything; those of a folder `labels` are labels.
                if path not in known and "labels" in folder.parts:
                    yield Finding("missing", str(path), "has no picture", wrong=True)


def _filled_ring(
    ring: NDArray[np.int32], size: tuple[int, int]
) -> tuple[Crop, tuple[int, int]] | None:
    """Return the pixels of a ring that lie in the picture, and where they begin; None for none.

    Args:
        ring: int32 (K, 2), x and y, pixels.
        size: Height and width of the picture, pixels.
    """
    first = np.clip(ring.min(axis=0), 0, size[::-1])
    last = np.clip(ring.max(axis=0) + 1, 0, size[::-1])
    (x1, y1), (x2, y2) = first.tolist(), last.tolist()
    if x1 >= x2 or y1 >= y2:
        return None
    crop = np.zeros((y2 - y1, x2 - x1), dtype=np.uint8)
    cv2.fillPoly(crop, [ring - first], (1,))
    return (crop.view(np.bool_), (x1, y1)) if crop.any() else None
