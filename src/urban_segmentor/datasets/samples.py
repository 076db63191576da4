"""Frames with their labels, whatever folder they lie in, for those who want to look at them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.layout import frame_label, missing_part
from urban_segmentor.datasets.cityscapes.rasterize import draw_objects
from urban_segmentor.datasets.cityscapes.segments import Segments, visible_segments
from urban_segmentor.datasets.class_set import ClassSet
from urban_segmentor.datasets.images import read_image
from urban_segmentor.errors import DatasetError, SettingError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES
from urban_segmentor.structures.instances import Instances

if TYPE_CHECKING:
    from urban_segmentor.datasets.cityscapes.layout import Layout
    from urban_segmentor.structures.frame import Image

Kind: TypeAlias = Literal["cityscapes", "yolo", "coco", "panoptic"]

COLORED = ClassSet(
    labels=tuple(label for label in CITYSCAPES if label.label_id > 0 and any(label.color))
)
"""Every class that has a color of its own, also those that no network is trained on."""


class Sample(Protocol):
    """A frame of a data set; can be pickled."""

    @property
    def stem(self) -> str:
        """City, sequence and frame."""
        ...

    @property
    def split(self) -> str:
        """`train`, `val` or `test`."""
        ...

    def image(self) -> Image:
        """Return the picture, uint8 (H, W, 3), RGB.

        Raises:
            DatasetError: It cannot be read.
        """
        ...

    def segments(self, classes: ClassSet, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the labels.

        Args:
            classes: The classes wanted.
            size: Height and width wanted, pixels; None for those of the labels.

        Raises:
            DatasetError: They cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSet:
    """The frames of a folder.

    Attributes:
        root: The folder.
        kind: What its labels are.
        frames: By split and stem.
        classes: The classes that its labels may have.
        problems: Which frames lack their picture or labels, one sentence each.
    """

    root: Path
    kind: Kind
    frames: tuple[Sample, ...]
    classes: ClassSet
    problems: tuple[str, ...] = ()

    def within(self, split: str | None) -> SampleSet:
        """Return the frames of a split alone; None for all of them.

        Raises:
            SettingError: There is no such split.
        """
        if split is None:
            return self
        chosen = tuple(frame for frame in self.frames if frame.split == split)
        if not chosen:
            there = sorted({frame.split for frame in self.frames})
            raise SettingError(
                f"there is no split `{split}` with labels in `{self.root}`",
                hint=f"choose from {', '.join(there) or 'nothing'} with --split",
            )
        problems = tuple(text for text in self.problems if text.startswith(f"`{split}/"))
        return replace(self, frames=chosen, problems=problems)

    def find(self, name: str) -> Sample:
        """Return the frame of a name, which may be a path and carry the endings of its files.

        Raises:
            SettingError: There is no such frame.
            DatasetError: It lacks its picture or its labels.
        """
        wanted = Path(name).name.partition("_gtFine")[0].partition("_leftImg8bit")[0]
        by_stem = {frame.stem: frame for frame in self.frames}
        if wanted in by_stem:
            return by_stem[wanted]
        for problem in self.problems:
            if wanted and f"/{wanted}`" in problem:
                raise DatasetError(problem, hint=f"urban-segmentor data check {self.root}")
        raise SettingError(
            f"there is no frame `{wanted}` in `{self.root}`", hint=_near(wanted, list(by_stem))
        )

    def check_classes(self, classes: ClassSet) -> None:
        """Check that the labels may have all of some classes.

        Raises:
            SettingError: They were left out when the folder was made.
        """
        missing = [name for name in classes.names if name not in self.classes.names]
        if missing:
            raise SettingError(
                f"`classes` has `{missing[0]}`, which the labels in `{self.root}` do not have",
                hint=f"choose from {', '.join(self.classes.names)}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CityscapesSample:
    """A frame of a Cityscapes folder; its labels are what its polygons leave to be seen.

    Attributes:
        stem: City, sequence and frame.
        split: `train`, `val` or `test`.
        polygons: The file with its labels.
        image_path: The picture.
    """

    stem: str
    split: str
    polygons: Path
    image_path: Path

    def image(self) -> Image:
        """Return the picture, uint8 (H, W, 3), RGB."""
        return read_image(self.image_path)

    def segments(self, classes: ClassSet, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the visible labels; see `Sample`."""
        drawn = draw_objects(read_annotation(self.polygons))
        if size is not None:
            drawn = drawn.resized(size)
        return visible_segments(drawn, classes=classes, stuff="regions")


def cityscapes_frames(layout: Layout) -> SampleSet:
    """Return the frames of a Cityscapes folder that have both a picture and polygons.

    Args:
        layout: What the folder has.
    """
    frames: list[CityscapesSample] = []
    problems: list[str] = []
    for sample in layout.frames:
        if sample.polygons is not None and sample.image is not None:
            frame = CityscapesSample(
                stem=sample.stem,
                split=sample.split,
                polygons=sample.polygons,
                image_path=sample.image,
            )
            frames.append(frame)
        elif sample.split != "test":  # whose labels nobody but the benchmark has
            problems.append(f"`{frame_label(sample)}` {missing_part(sample)}")
    return SampleSet(
        root=layout.root,
        kind="cityscapes",
        frames=tuple(frames),
        classes=ClassSet(labels=tuple(label for label in CITYSCAPES if label.label_id > 0)),
        problems=tuple(problems),
    )


def as_instances(segments: Segments, *, classes: ClassSet) -> Instances:
    """Return labels as instances, all of score 1, for an overlay.

    Args:
        segments: N masks with class_ids int32 (N,).
        classes: What the class ids mean.

    Returns:
        Boxes float32 (N, 4), scores float32 (N,), class_ids int32 (N,).
    """
    return Instances(
        boxes=segments.masks.rectangles(),
        masks=segments.masks,
        scores=np.ones(len(segments), dtype=np.float32),
        class_ids=segments.class_ids,
        classes=known_classes(classes.names),
    )


def _near(wanted: str, stems: list[str]) -> str:
    """Return which frames may have been meant."""
    near = [stem for stem in stems if wanted and wanted in stem][:3]
    near = near or get_close_matches(wanted, stems, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(f'`{stem}`' for stem in near)}?"
    return f"frames are called like `{stems[0]}`" if stems else "the folder has no frames"
