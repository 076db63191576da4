"""Frames with their labels, whatever format they lie in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from urban_segmentor.datasets.dataset_classes import DatasetClasses, parse_dataset_classes
from urban_segmentor.datasets.findings import Finding, SampleInspection, unreadable
from urban_segmentor.datasets.sample_images import read_sample_image
from urban_segmentor.errors import DatasetError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.datasets.segments import Segments
    from urban_segmentor.structures.frame import Image

Item = TypeVar("Item")
SampleT = TypeVar("SampleT", bound="Sample")
Kind: TypeAlias = Literal["cityscapes", "yolo", "coco", "panoptic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(ABC):
    """A frame of a data set with its labels; can be pickled.

    Attributes:
        stem: What it is called, once in its split; of Cityscapes city, sequence and frame.
        split: `train`, `val` or `test`, or what else the data set calls it.
        group: Where in its split it belongs: its city, its folder, or the file of its labels.
        image_path: The file of its pixels, or None when there is none.
    """

    stem: str
    split: str
    group: str
    image_path: Path | None

    @property
    def name(self) -> str:
        """How messages call it, `split/stem`."""
        return f"{self.split}/{self.stem}"

    @property
    @abstractmethod
    def image_name(self) -> str:
        """What the file of its pixels is called in results: `stem`, perhaps more, an ending."""

    @property
    @abstractmethod
    def label_source(self) -> str:
        """What its labels are read from, such as `polygons`."""

    @property
    @abstractmethod
    def has_labels(self) -> bool:
        """Whether what its labels are read from is there."""

    @property
    @abstractmethod
    def lacking(self) -> str | None:
        """What it lacks, such as `has no picture`, or None when it has all."""

    @property
    def image_hint(self) -> str:
        """Where its picture belongs, for those who lack it."""
        return f"put it into the folder `images/{self.split}`"

    def image(self) -> Image:
        """Return the picture, uint8 (H, W, 3), RGB.

        Raises:
            DatasetError: There is none, or it cannot be read.
        """
        if self.image_path is None:
            raise DatasetError(f"`{self.name}` {self.lacking}", hint=self.image_hint)
        return read_sample_image(self.image_path)

    @abstractmethod
    def segments(self, classes: DatasetClasses, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the labels.

        Args:
            classes: The classes wanted.
            size: Height and width wanted, pixels; None for those of the labels.

        Raises:
            DatasetError: They cannot be read, or something is wrong with them.
        """

    @abstractmethod
    def instance_ids(self) -> NDArray[np.int32]:
        """Return the labels as official `instanceIds` values, int32 (H, W).

        Raises:
            DatasetError: They cannot be read, or something is wrong with them.
        """

    def inspect(self) -> SampleInspection:
        """Return all that is wrong with the picture and the labels; both are read."""
        findings = self.missing_parts()
        size: tuple[int, int] | None = None
        if self.image_path is not None:
            try:
                image = self.image()
                size = (image.shape[0], image.shape[1])
            except DatasetError as error:
                findings.append(unreadable(self.name, error))
        try:
            findings += self.label_findings(size)
        except DatasetError as error:
            findings.append(unreadable(self.name, error))
        return SampleInspection(size, findings)

    def missing_parts(self) -> list[Finding]:
        """Return what there is to say about files that are not there."""
        if self.lacking is None:
            return []
        return [Finding("missing", self.name, self.lacking, wrong=True)]

    @abstractmethod
    def label_findings(self, size: tuple[int, int] | None) -> list[Finding]:
        """Return what is wrong with the labels, or worth knowing; they are read.

        Args:
            size: Height and width of the picture, pixels; None where it cannot be read.

        Raises:
            DatasetError: They cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSet:
    """The frames of a data set.

    Attributes:
        root: The folder.
        kind: What its labels are.
        samples: By split and stem, those that lack something included.
        classes: The classes that its labels may have.
        counted: Those that are looked at unless somebody wants others.
        drawn: Those that are drawn over one frame unless somebody wants others.
        grouping: What the groups of its samples are, such as `city`.
        findings: What is wrong, or worth knowing, besides what a sample has to say for itself.
        file: The file that describes it, where the folder alone does not lead to it.
    """

    root: Path
    kind: Kind
    samples: tuple[Sample, ...]
    classes: DatasetClasses
    counted: DatasetClasses
    drawn: DatasetClasses
    grouping: str = "folder"
    findings: tuple[Finding, ...] = ()
    file: Path | None = None

    @property
    def path(self) -> Path:
        """What opens the set again."""
        return self.file or self.root

    @property
    def frames(self) -> tuple[Sample, ...]:
        """The samples that have both a picture and labels."""
        return tuple(sample for sample in self.samples if sample.lacking is None)

    @property
    def problems(self) -> tuple[str, ...]:
        """Which samples lack their picture or labels, and what else is wrong, one sentence each.

        Of the test split nobody but the benchmark has labels.
        """
        lacks = [
            f"`{one.name}` {one.lacking}"
            for one in self.samples
            if one.lacking is not None and one.split != "test"
        ]
        return (*lacks, *self.set_problems)

    @property
    def set_problems(self) -> tuple[str, ...]:
        """What is wrong besides what a sample has to say for itself, one sentence each."""
        return tuple(str(finding) for finding in self.findings if finding.wrong)

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are there, sorted."""
        return tuple(sorted({sample.split for sample in self.samples}))

    @property
    def usual_split(self) -> str:
        """The split that figures are of unless somebody wants another: the only one, or `val`."""
        splits = self.splits
        return splits[0] if len(splits) == 1 else "val"

    @property
    def groups(self) -> str:
        """What several groups of samples are called."""
        return {"city": "cities"}.get(self.grouping, f"{self.grouping}s")

    def next_command(self, path: Path) -> str:
        """Return what a user may do next with a set of which nothing is wrong.

        Args:
            path: As the user called it.
        """
        if self.kind == "cityscapes":
            return f"urban-segmentor data prepare {path} OUT"
        return f"urban-segmentor data show {path}"

    def of_split(self, split: str) -> tuple[Sample, ...]:
        """Return the samples of a split, those that lack something included.

        Raises:
            SettingError: There is no such split.
        """
        return samples_of_split(self.samples, split, root=self.root)

    def within(self, split: str | None) -> SampleSet:
        """Return the set with the samples of a split alone; None for all of them.

        Raises:
            SettingError: There is no such split.
        """
        if split is None:
            return self
        if not any(frame.split == split for frame in self.frames):
            there = sorted({frame.split for frame in self.frames})
            raise SettingError(
                f"there is no split `{split}` with labels in `{self.root}`",
                hint=f"choose from {', '.join(there) or 'nothing'} with --split",
            )
        return replace(self, samples=self.of_split(split))

    def find(self, name: str) -> Sample:
        """Return the frame of a name, which may be a path and carry the endings of its files.

        Raises:
            SettingError: There is no such frame.
            DatasetError: It lacks its picture or its labels.
        """
        wanted = Path(name).name.partition("_gtFine")[0].partition("_leftImg8bit")[0]
        by_stem = {sample.stem: sample for sample in self.samples}
        found = by_stem.get(wanted) or by_stem.get(Path(wanted).stem)
        if found is None:
            known = [frame.stem for frame in self.frames]
            raise SettingError(
                f"there is no frame `{wanted}` in `{self.root}`", hint=_near(wanted, known)
            )
        if found.lacking is not None:
            raise DatasetError(
                f"`{found.name}` {found.lacking}", hint=f"urban-segmentor data check {self.root}"
            )
        return found

    def chosen_classes(self, text: str) -> DatasetClasses:
        """Return classes of this set.

        Args:
            text: `19` for all training classes of Cityscapes, `8` for the things among them, or
                names with commas.

        Raises:
            SettingError: A name is no class of the set, or stands twice.
        """
        if self.classes.is_official:
            classes = parse_dataset_classes(text)
        else:
            classes = parse_dataset_classes(text, known=self.classes.labels)
        missing = [name for name in classes.names if name not in self.classes.names]
        if missing:
            raise SettingError(
                f"`classes` has `{missing[0]}`, which the labels in `{self.root}` do not have",
                hint=f"choose from {', '.join(self.classes.names)}",
            )
        return classes


def samples_of_split(
    samples: tuple[SampleT, ...], split: str, *, root: Path
) -> tuple[SampleT, ...]:
    """Return the samples of a split, those that lack something included.

    Args:
        samples: Those of all splits.
        split: Which one.
        root: The folder of the data set, for the message.

    Raises:
        SettingError: There is no such split.
    """
    chosen = tuple(sample for sample in samples if sample.split == split)
    if not chosen:
        splits = sorted({sample.split for sample in samples})
        raise SettingError(
            f"there is no split `{split}` in `{root}`",
            hint=f"choose from {', '.join(splits) or 'nothing'} with --split",
        )
    return chosen


def spread(items: Sequence[Item], limit: int | None) -> Sequence[Item]:
    """Return so many items, evenly spread over all.

    Args:
        items: All frames, or what else.
        limit: How many at the most; None for all.

    Raises:
        SettingError: The limit is not at least 1.

    >>> spread("abcdef", 3)
    ['a', 'c', 'e']
    """
    if limit is None or limit >= len(items):
        return items
    if limit < 1:
        raise SettingError(f"`limit` is {limit}, expected at least 1", hint="--limit 50")
    return [items[i * len(items) // limit] for i in range(limit)]


def unique_stems(images: Sequence[Path]) -> list[str]:
    """Return a name for each picture of a split, without its ending.

    Pictures of one name in several folders have the folders in front.

    >>> unique_stems([Path("a/1.jpg"), Path("b/1.jpg"), Path("b/2_leftImg8bit.png")])
    ['a_1', 'b_1', '2']
    """
    short = [image.stem.removesuffix("_leftImg8bit") for image in images]
    many = Counter(short)
    longer = [
        "_".join(part for part in image.with_suffix("").parts if part != image.anchor)
        if many[stem] > 1
        else stem
        for image, stem in zip(images, short, strict=True)
    ]
    seen: Counter[str] = Counter()
    names: list[str] = []
    for stem in longer:
        seen[stem] += 1
        names.append(stem if seen[stem] == 1 else f"{stem}_{seen[stem]}")
    return names


def _near(wanted: str, stems: list[str]) -> str:
    """Return which frames may have been meant."""
    near = [stem for stem in stems if wanted and wanted in stem][:3]
    near = near or get_close_matches(wanted, stems, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(f'`{stem}`' for stem in near)}?"
    return f"frames are called like `{stems[0]}`" if stems else "the folder has no frames"
