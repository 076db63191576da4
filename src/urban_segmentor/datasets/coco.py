"""Data sets as COCO has them: JSON files of instances, and folders of pictures.

Source: cocodataset.org/#format-data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.datasets.coco_entries import CocoFile, CocoObject, read_coco_file
from urban_segmentor.datasets.coco_outlines import decode_outline
from urban_segmentor.datasets.convert.output_folder import REPORT
from urban_segmentor.datasets.dataset_classes import DatasetClasses, own_classes
from urban_segmentor.datasets.findings import Finding, check_whole, unreadable
from urban_segmentor.datasets.samples import Sample, SampleSet, unique_stems
from urban_segmentor.datasets.segments import (
    LabelMask,
    check_label_size,
    numbered_segments,
    official_ids,
)
from urban_segmentor.errors import DatasetError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.datasets.segments import Segments

_SPLIT = re.compile(r"(?:^|[^a-z])(train|val|test)(?:id|idation|-?dev)?(?:[^a-z]|$)")
_LOOKED_AT = 20  # pictures that say which folder they lie in
_MANY_FILES = 1000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CocoSample(Sample):
    """A frame whose labels are annotations of a COCO file.

    Attributes:
        path: The file of annotations.
        file_name: What the file calls it.
        size: Height and width of the labels, pixels.
        objects: Its annotations.
        findings: What is wrong with other ones.
        classes: What the class ids of the annotations mean.
    """

    path: Path
    file_name: str
    size: tuple[int, int]
    objects: tuple[CocoObject, ...]
    findings: tuple[Finding, ...]
    classes: DatasetClasses

    @property
    def image_name(self) -> str:
        """What its picture is called in results."""
        return f"{self.stem}.{self.file_name.rpartition('.')[2]}"

    @property
    def label_source(self) -> str:
        """`COCO annotations`."""
        return "COCO annotations"

    @property
    def has_labels(self) -> bool:
        """True: they are in the file that names the picture."""
        return True

    @property
    def lacking(self) -> str | None:
        """What it lacks, or None when it has all."""
        return None if self.image_path is not None else f"has no picture `{self.file_name}`"

    @property
    def image_hint(self) -> str:
        """Where its picture belongs, for those who lack it."""
        return f"put it into a folder `images` beside `{self.path}`"

    def segments(self, classes: DatasetClasses, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the labels; see `Sample`."""
        check_label_size(self.name, size, self.size)
        masks, findings = self._read()
        check_whole(findings)
        return numbered_segments(masks, classes, size=self.size)

    def instance_ids(self) -> NDArray[np.int32]:
        """Return official `instanceIds` values, int32 (H, W)."""
        return official_ids(self.segments(self.classes), name=self.name)

    def label_findings(self, size: tuple[int, int] | None) -> list[Finding]:
        """Return what is wrong with the annotations; all are decoded."""
        findings: list[Finding] = []
        try:
            check_label_size(self.name, size, self.size)
        except DatasetError as error:
            findings.append(unreadable(self.name, error)._replace(kind="size"))
        return findings + self._read()[1]

    def _read(self) -> tuple[list[LabelMask], list[Finding]]:
        """Return all masks, and what is wrong."""
        masks: list[LabelMask] = []
        findings = list(self.findings)
        for one in self.objects:
            try:
                crop, origin = decode_outline(one.outline, image_size=self.size)
            except ShapeError as error:
                where = f"{self.path}: annotations[{one.place}]"
                text = f"has a damaged mask: {error}"
                findings.append(Finding("mask", where, text, wrong=True))
            else:
                label = self.classes.labels[one.class_id]
                masks.append(LabelMask(crop, origin, label, one.is_crowd))
        return masks, findings


def read_coco(path: Path) -> SampleSet:
    """Return the frames of a data set as COCO has it.

    Args:
        path: The folder, or one JSON file.

    Raises:
        DatasetError: A file is damaged, or there are none.
    """
    root = path if path.is_dir() else _root_of(path)
    files = coco_files(path)
    contents = [(_split_of(file), read_coco_file(file)) for file in files]
    names: dict[str, bool] = {}
    for _, content in contents:
        names |= {label.name: label.is_thing for label in content.classes.labels}
    classes = own_classes(
        list(names), stuff=[name for name, is_thing in names.items() if not is_thing]
    )
    samples = [
        sample for split, content in contents for sample in _samples(content, split, root, classes)
    ]
    if not samples:
        raise DatasetError(
            f"`{path}` has no pictures in its annotations",
            hint=f"urban-segmentor data check {path}",
        )
    return SampleSet(
        root=root,
        kind="coco",
        samples=tuple(sorted(samples, key=lambda one: (one.split, one.stem))),
        classes=classes,
        counted=classes,
        drawn=classes,
        grouping="file",
        findings=(
            *(finding for _, content in contents for finding in content.findings),
            *(_left_out(root, files) if path.is_dir() else ()),
        ),
        file=path if path.is_file() else None,
    )


def coco_files(path: Path) -> list[Path]:
    """Return the JSON files of instances that a data set has; none where it is no COCO.

    Args:
        path: The folder, or one file.
    """
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" else []
    _, named = _named_files(path)
    return named or [one for one in _json_files(path) if _looks_like_coco(one)]


def _named_files(folder: Path) -> tuple[str, list[Path]]:
    """Return the files that have a usual name, and the pattern of it; none, and nothing, else."""
    for pattern in ("annotations/instances_*.json", "instances_*.json", "*/_annotations.coco.json"):
        if found := sorted(folder.glob(pattern))[:_MANY_FILES]:
            return pattern, found
    return "", []


def _json_files(folder: Path) -> list[Path]:
    """Return the files that are looked at where none has a usual name."""
    found = [*sorted(folder.glob("annotations/*.json")), *sorted(folder.glob("*.json"))]
    return found[:_MANY_FILES]


def _left_out(folder: Path, files: list[Path]) -> list[Finding]:
    """Return what to say of the JSON files of a folder that are not read.

    Args:
        folder: The folder.
        files: Those that are read.
    """
    pattern, _ = _named_files(folder)
    why = f"only `{pattern}` are read, which are there" if pattern else "it is no COCO data"
    return [
        Finding("left out", str(file), f"is left out: {why}", wrong=False)
        for file in _json_files(folder)
        if file not in files and file.name != REPORT
    ]


def _looks_like_coco(path: Path) -> bool:
    """Return whether a file may hold instances: it names the three lists, and no segments."""
    keys = {b'"annotations"', b'"images"', b'"categories"'}
    found: set[bytes] = set()
    rest = b""
    try:
        with path.open("rb") as file:
            while part := file.read(2**22):
                found |= {key for key in keys if key in rest + part}
                rest = part[-20:]
                if b'"segments_info"' in part:
                    return False
                if found == keys:
                    return True
    except OSError:
        return False
    return False


def _root_of(file: Path) -> Path:
    """Return the folder of a data set, of which a file of annotations is a part."""
    folder = file.parent
    return folder.parent if folder.name == "annotations" and folder.parent.name else folder


def _split_of(file: Path) -> str:
    """Return the split that a file's name speaks of, or that of its folder, or its whole name."""
    if (found := _SPLIT.search(file.stem.lower())) is not None:
        return found[1]
    if file.name == "_annotations.coco.json" and file.parent.name:
        return {"valid": "val", "validation": "val"}.get(file.parent.name, file.parent.name)
    return file.stem.removeprefix("instances_")


def _samples(
    content: CocoFile, split: str, root: Path, classes: DatasetClasses
) -> Iterator[CocoSample]:
    folders = _image_folders(content, split, root)
    ids = classes.ids()
    table = [ids[name] for name in content.classes.names]
    stems = unique_stems([type(root)(image.name) for image in content.images])
    for image, stem in zip(content.images, stems, strict=True):
        tried = (folder / image.name for folder in folders)
        yield CocoSample(
            stem=stem,
            split=split,
            group=content.path.name,
            path=content.path,
            image_path=next((one for one in tried if one.is_file()), None),
            file_name=str(image.name),
            size=image.size,
            objects=tuple(one._replace(class_id=table[one.class_id]) for one in image.objects),
            findings=tuple(image.findings),
            classes=classes,
        )


def _image_folders(content: CocoFile, split: str, root: Path) -> list[Path]:
    """Return where the pictures of a file may be, the folder that has the first ones in front."""
    year = content.path.stem.rpartition("_")[2]
    aliases = dict.fromkeys((year, split, content.path.stem, "valid" if split == "val" else split))
    folders = [root / "images" / name for name in aliases] + [root / name for name in aliases]
    folders += [root / "images", content.path.parent, root]
    there = [folder for folder in dict.fromkeys(folders) if folder.is_dir()]
    some = content.images[:_LOOKED_AT]
    return sorted(there, key=lambda folder: -sum((folder / one.name).is_file() for one in some))
