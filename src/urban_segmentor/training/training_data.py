"""Data sets of any format as what a network learns from, checked before hours are spent."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.datasets.open_dataset import is_cityscapes, open_dataset
from urban_segmentor.datasets.sample_images import sample_image_size
from urban_segmentor.datasets.yolo import YoloSample
from urban_segmentor.errors import DatasetError, SettingError
from urban_segmentor.training.conversion import YoloConversion, conversion_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from urban_segmentor.datasets.samples import Sample, SampleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingImage:
    """A picture with labels.

    Attributes:
        path: The picture, beside whose folder `images` there is one with labels.
        classes: Numbers of the classes that it shows.
    """

    path: Path
    classes: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What a network learns from.

    Attributes:
        roots: The folders of the data sets; the validation split is that of the first.
        paths: What opens each data set again.
        names: Classes by their number.
        train: Pictures to learn from.
        val: Pictures to measure on.
        conversions: What has to be written before Ultralytics can read all labels.
    """

    roots: tuple[Path, ...]
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    train: tuple[TrainingImage, ...]
    val: tuple[TrainingImage, ...]
    conversions: tuple[YoloConversion, ...] = ()

    def shares(self) -> dict[str, float]:
        """Return the share of training pictures that show each class."""
        counts = Counter(number for image in self.train for number in image.classes)
        return {name: counts[i] / len(self.train) for i, name in enumerate(self.names)}


def read_training_data(root: Path, *, also: Sequence[Path] = (), work: Path) -> TrainingData:
    """Return the pictures of data sets; every label is looked at, and nothing is written yet.

    Args:
        root: A data set with the splits `train` and `val`: a folder or YAML file of YOLO's
            format, a folder as COCO has it, or what `data prepare` made.
        also: More of them, of which only `train` is taken.
        work: Folder for the labels of those that are in another format than YOLO's.

    Raises:
        DatasetError: A data set cannot be learnt from, something is wrong with its labels, or it
            has other classes than the first.
    """
    sets = [_opened(path) for path in (root, *also)]
    names = sets[0].classes.names
    for each in sets[1:]:
        if each.classes.names != names:
            raise DatasetError(
                f"`{each.root}` has other classes than `{sets[0].root}`: "
                f"{_difference(each.classes.names, names)}",
                hint="prepare both with the same --classes",
            )
    reader = _LabelReader(work)
    train = [
        reader.read(sample, each, number)
        for number, each in enumerate(sets)
        for sample in training_split(each, "train")
    ]
    val = [reader.read(sample, sets[0], 0) for sample in training_split(sets[0], "val")]
    reader.check([problem for each in sets for problem in each.set_problems], root=root)
    if not any(image.classes for image in train):
        raise DatasetError(
            f"no picture of the split `train` in `{sets[0].root}` has a label",
            hint=f"urban-segmentor data check {root}",
        )
    return TrainingData(
        roots=tuple(each.root for each in sets),
        paths=tuple(each.path for each in sets),
        names=names,
        train=tuple(train),
        val=tuple(val),
        conversions=tuple(reader.conversions),
    )


def repeat_factors(
    classes: Sequence[frozenset[int]], *, threshold: float, counted: frozenset[int]
) -> list[float]:
    """Return how often each image is to be seen in a pass: more often with a rare class.

    A class in a fraction f of all images has the factor `max(1, sqrt(threshold / f))`, and an
    image that of its rarest class.

    Args:
        classes: Class ids of each image.
        threshold: Classes in a smaller fraction of images are rare; 0 repeats nothing.
        counted: Class ids that may be rare.

    Source:
        Repeat factor sampling: Gupta et al., "LVIS", CVPR 2019.
    """
    counts = Counter(i for image in classes for i in image if i in counted)
    factors = {i: max(1.0, (threshold * len(classes) / n) ** 0.5) for i, n in counts.items()}
    return [max((factors.get(i, 1.0) for i in image), default=1.0) for image in classes]


def repeat_factor_sample(
    images: Sequence[TrainingImage], *, threshold: float, first_class_id: int = 0, seed: int = 0
) -> list[Path]:
    """Return image paths, those of rare classes several times.

    The fractional part of an image's factor, see `repeat_factors`, is drawn at random.

    Args:
        images: Images with their classes.
        threshold: Classes in a smaller fraction of images are rare; 0 repeats nothing.
        first_class_id: Classes with a smaller id are never rare.
        seed: Seed of the random part.
    """
    classes = [image.classes for image in images]
    counted = frozenset(i for image in classes for i in image if i >= first_class_id)
    factors = repeat_factors(classes, threshold=threshold, counted=counted)
    rng = random.Random(seed)  # noqa: S311 -- nothing is secret here
    sampled: list[Path] = []
    for image, factor in zip(images, factors, strict=True):
        whole = int(factor)
        sampled += [image.path] * (whole + (rng.random() < factor - whole))
    return sampled


class _LabelReader:
    """Looks at the labels of frames, and notes what is wrong and what is to be converted."""

    def __init__(self, work: Path) -> None:
        self.conversions: list[YoloConversion] = []
        self._work = work
        self._problems: list[str] = []

    def read(self, sample: Sample, whole: SampleSet, number: int) -> TrainingImage:
        """Return a frame as a picture with labels."""
        classes: frozenset[int] = frozenset()
        # A link's own name counts: what it points to may lie anywhere, without labels beside it.
        path = sample.image_path
        try:
            if sample.lacking is not None:
                raise DatasetError(f"`{sample.name}` {sample.lacking}")  # noqa: TRY301
            if path is not None:
                sample_image_size(path)  # what is broken between header and end, training finds
            if isinstance(sample, YoloSample):
                classes = sample.class_ids()
            else:
                segments = sample.segments(whole.classes)
                classes = frozenset(segments.class_ids[~segments.is_crowd].tolist())
        except DatasetError as error:
            self._problems.append(str(error))
        if path is None or not isinstance(sample, YoloSample):
            folder = self._work / str(number)
            conversion = conversion_of(sample, classes=whole.classes, folder=folder)
            self.conversions.append(conversion)
            path = conversion.image
        return TrainingImage(path=path.absolute(), classes=classes)

    def check(self, problems: Sequence[str], *, root: Path) -> None:
        """Check that nothing was wrong.

        Args:
            problems: What else is wrong, one sentence each.
            root: The data set, for the message.

        Raises:
            DatasetError: Something was; the first is named, the others are counted.
        """
        found = [*problems, *self._problems]
        if found:
            more = f"; {len(found) - 1} more are broken" if len(found) > 1 else ""
            raise DatasetError(
                f"{found[0]}{more}", hint=f"all are named by: urban-segmentor data check {root}"
            )


def _opened(path: Path) -> SampleSet:
    """Return a data set that can be learnt from."""
    if not path.exists():
        raise DatasetError(f"there is no folder `{path}`", hint="check the spelling of --data")
    if is_cityscapes(path):
        raise DatasetError(
            f"`{path}` is Cityscapes as it comes, which must be prepared first",
            hint=f"urban-segmentor data prepare {path} {path.with_name(path.name + '-yolo')}",
        )
    return open_dataset(path)


def training_split(samples: SampleSet, split: str) -> tuple[Sample, ...]:
    """Return the samples of a split, those that lack something included.

    Raises:
        DatasetError: There is no such split, without which nothing can be learnt.
    """
    try:
        return samples.of_split(split)
    except SettingError as error:
        raise DatasetError(
            f"`{samples.root}` has no pictures for `{split}`, only {', '.join(samples.splits)}",
            hint="a training needs the splits `train` and `val`",
        ) from error


def _difference(these: tuple[str, ...], those: tuple[str, ...]) -> str:
    more, fewer = sorted(set(these) - set(those)), sorted(set(those) - set(these))
    differences = [f"more: {', '.join(more)}"] if more else []
    differences += [f"missing: {', '.join(fewer)}"] if fewer else []
    return "; ".join(differences) or "in another order"
