"""What `data prepare --format panoptic` wrote: pictures of official `instanceIds` values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.datasets.convert.convert_frame import panoptic_folder
from urban_segmentor.datasets.dataset_classes import DatasetClasses, cityscapes_classes, class_names
from urban_segmentor.datasets.files import (
    expect_object,
    listed,
    read_json_object,
    relative_name,
)
from urban_segmentor.datasets.findings import Finding, shown
from urban_segmentor.datasets.sample_images import read_sample_image
from urban_segmentor.datasets.samples import Sample, SampleSet
from urban_segmentor.datasets.segments import (
    LabelMask,
    check_label_size,
    numbered_segments,
    official_ids,
)
from urban_segmentor.errors import DatasetError
from urban_segmentor.io.writers.coco_panoptic import panoptic_ids
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES
from urban_segmentor.structures.label_regions import label_regions, masks_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.datasets.segments import Segments

_REMAKE = "make the folder anew with: urban-segmentor data prepare ... --overwrite"
_BY_ID = {label.label_id: label for label in CITYSCAPES}


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticSample(Sample):
    """A frame whose labels are a panoptic picture of official `instanceIds` values.

    Attributes:
        file_name: What its picture is called.
        labels: The panoptic picture.
        classes: The classes that the labels may have.
    """

    file_name: str
    labels: Path
    classes: DatasetClasses

    @property
    def image_name(self) -> str:
        """What its picture is called in results."""
        return self.file_name

    @property
    def label_source(self) -> str:
        """`panoptic pictures`."""
        return "panoptic pictures"

    @property
    def has_labels(self) -> bool:
        """Whether what its labels are read from is there."""
        return self.labels.is_file()

    @property
    def lacking(self) -> str | None:
        """What it lacks, or None when it has all."""
        if self.image_path is None:
            return "has no picture"
        return None if self.labels.is_file() else "has no panoptic picture"

    def segments(self, classes: DatasetClasses, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the labels; see `Sample`."""
        ids = panoptic_ids(read_sample_image(self.labels))
        own = (ids.shape[0], ids.shape[1])
        check_label_size(self.name, size, own)
        regions = label_regions(ids)
        masks = masks_of(ids, regions)
        corners: list[tuple[int, int]] = masks.origins.tolist()
        found: list[LabelMask] = []
        for value, crop, origin in zip(regions.values.tolist(), masks.crops, corners, strict=True):
            label = _BY_ID.get(value // 1000 if value >= 1000 else value)
            if label is None:
                raise DatasetError(f"`{self.labels}` has the unknown id {value}", hint=_REMAKE)
            if value:
                found.append(LabelMask(crop, origin, label, label.is_thing and value < 1000))
        return numbered_segments(found, classes, size=own)

    def instance_ids(self) -> NDArray[np.int32]:
        """Return official `instanceIds` values, int32 (H, W)."""
        return official_ids(self.segments(self.classes), name=self.name)

    def label_findings(self, size: tuple[int, int] | None) -> list[Finding]:
        """Return nothing; labels that are there are whole, or cannot be read at all."""
        if self.has_labels:
            self.segments(self.classes, size=size)
        return []


def panoptic_files(root: Path) -> list[Path]:
    """Return the files that say what the panoptic pictures of a folder show; none without such."""
    return sorted(root.glob(f"{panoptic_folder('*')}.json"))


def read_panoptic(root: Path) -> SampleSet:
    """Return the frames of a folder of panoptic pictures.

    Args:
        root: A folder that `data prepare --format panoptic` made.

    Raises:
        DatasetError: A file is damaged, or of other classes than those of Cityscapes.
    """
    samples: list[PanopticSample] = []
    findings: list[Finding] = []
    classes: DatasetClasses | None = None
    for path in panoptic_files(root):
        split = path.stem.removeprefix(panoptic_folder(""))
        content = read_json_object(path)
        classes = _classes(listed(content, "categories", path=path), path)
        images = {
            expect_object(entry).get("id"): expect_object(entry).get("file_name")
            for entry in listed(content, "images", path=path)
            if isinstance(expect_object(entry).get("id"), (str, int))
        }
        for place, entry in enumerate(listed(content, "annotations", path=path)):
            fields = expect_object(entry)
            number: object = fields.get("image_id")
            known = images.get(number) if isinstance(number, (str, int)) else None
            image, labels = relative_name(known), relative_name(fields.get("file_name"))
            if image is None or labels is None:
                wrong = shown(known if image is None else fields.get("file_name"))
                text = f"names no picture, or one that leads out of the folder: {wrong}"
                where = f"{path}: annotations[{place}]"
                findings.append(Finding("path", where, text, wrong=True))
                continue
            image_path = root / "images" / split / image
            labels_path = root / panoptic_folder(split) / labels
            sample = PanopticSample(
                stem=image.stem.removesuffix("_leftImg8bit"),
                split=split,
                group=labels_path.parent.name,
                image_path=image_path if image_path.is_file() else None,
                file_name=image.name,
                labels=labels_path,
                classes=classes,
            )
            samples.append(sample)
    if classes is None or not samples:
        raise DatasetError(f"`{root}` has no panoptic pictures", hint=_REMAKE)
    return SampleSet(
        root=root,
        kind="panoptic",
        samples=tuple(samples),
        classes=classes,
        counted=classes,
        drawn=classes,
        findings=tuple(findings),
    )


def _classes(entries: list[object], path: Path) -> DatasetClasses:
    names = class_names([expect_object(entry).get("name") for entry in entries])
    classes = cityscapes_classes(names) if isinstance(names, list) else None
    if classes is None:
        raise DatasetError(
            f"`{path}` {names if isinstance(names, str) else 'has other classes than Cityscapes'}",
            hint=_REMAKE,
        )
    return classes
