"""The images of a panoptic training, with their label maps in the folder of the run."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.datasets.parallel import in_parallel
from urban_segmentor.datasets.sample_images import read_sample_image, sample_image_size
from urban_segmentor.errors import DatasetError
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.training.panoptic.augment import LabeledImage
from urban_segmentor.training.panoptic.label_maps import VOID, LabelMaps, label_maps
from urban_segmentor.training.run_folder import MAPS
from urban_segmentor.training.training_data import training_split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample, SampleSet

FRAMES = "frames.json"
_LARGER = 1.5  # an image so much larger is kept smaller as well, since decoding it takes longer
_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFrame:
    """An image and its label maps, both in files.

    Attributes:
        image: The image; resized to its maps when it is read.
        maps: An `.npz` of `LabelMaps`.
        class_ids: Of all that the maps show.
    """

    image: Path
    maps: Path
    class_ids: frozenset[int]

    def read(self) -> LabeledImage:
        """Return the image with its maps.

        Raises:
            DatasetError: The image cannot be read, or the maps.
        """
        image = read_sample_image(self.image)
        try:
            maps = LabelMaps.parsed(self.maps)
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise DatasetError(f"`{self.maps}` cannot be read: {error}") from error
        height, width = maps.semantic.shape
        if image.shape[:2] != (height, width):
            how = cv2.INTER_AREA if image.shape[1] > width else cv2.INTER_LINEAR
            image = np.asarray(
                cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8
            )
        return LabeledImage(image=image, maps=maps)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticData:
    """What a panoptic network learns from.

    Attributes:
        sets: The data sets; the validation split is that of the first.
        names: Names of the classes, by class id.
        is_thing: Of each class, whether it has instances.
        train: Samples to learn from, by data set.
        val: Samples to measure on.
    """

    sets: tuple[SampleSet, ...]
    names: tuple[str, ...]
    is_thing: tuple[bool, ...]
    train: tuple[tuple[Sample, ...], ...]
    val: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    sample: Sample
    classes: DatasetClasses
    known: DatasetClasses
    long_side: int
    stem: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    image: Path
    maps: Path
    pixels: dict[int, int]


def has_surfaces(samples: SampleSet) -> bool:
    """Return whether a data set labels both things and surfaces, as a panoptic network learns."""
    kinds = {label.is_thing for label in samples.counted.labels}
    return kinds == {False, True}


def read_panoptic_data(root: Path, *, also: Sequence[Path] = ()) -> PanopticData:
    """Return the samples of data sets; labels are not read yet.

    Args:
        root: A data set with the splits `train` and `val`, in any format.
        also: More of them, of which only `train` is taken.

    Raises:
        DatasetError: One has no things, no surfaces, other classes than the first, or lacks files.
    """
    sets = [open_dataset(path) for path in (root, *also)]
    classes = sets[0].counted
    for one in sets:
        if not has_surfaces(one):
            lacking = (
                "things" if all(not label.is_thing for label in one.counted.labels) else "surfaces"
            )
            raise DatasetError(
                f"`{one.root}` has no labels of {lacking}, of which a panoptic network needs both",
                hint="train instances alone: --task instance",
            )
        if one.counted.names != classes.names:
            raise DatasetError(
                f"`{one.root}` has other classes than `{sets[0].root}`",
                hint="prepare both with the same --classes",
            )
        if one.problems:
            raise DatasetError(one.problems[0], hint=f"urban-segmentor data check {one.path}")
    return PanopticData(
        sets=tuple(sets),
        names=classes.names,
        is_thing=tuple(label.is_thing for label in classes.labels),
        train=tuple(training_split(one, "train") for one in sets),
        val=training_split(sets[0], "val"),
    )


def prepare_frames(
    data: PanopticData, folder: Path, *, long_side: int, on_frame: Callable[[], None]
) -> None:
    """Write the label maps of all training images, and what they show, into a folder.

    Args:
        data: The samples.
        folder: Of the run.
        long_side: Of the maps, pixels.
        on_frame: Called after each image.

    Raises:
        DatasetError: Labels or an image cannot be read; the first is named.
        OutputError: The disk is full or the like.
    """
    tasks = [
        _Task(
            sample=sample,
            classes=one.counted,
            known=one.classes,
            long_side=long_side,
            stem=folder / MAPS / str(number) / sample.group / sample.stem,
        )
        for number, (one, samples) in enumerate(zip(data.sets, data.train, strict=True))
        for sample in samples
    ]
    prepared: dict[Path, _Prepared] = {}
    for task, one in in_parallel(_prepare, tasks, workers=None):
        prepared[task.stem] = one
        on_frame()
    rows = [
        {
            "image": str(one.image.absolute()),
            "maps": str(one.maps.relative_to(folder)),
            "pixels": {data.names[i]: n for i, n in sorted(one.pixels.items())},
        }
        for one in (prepared[task.stem] for task in tasks)
    ]
    content = {"names": data.names, "is_thing": data.is_thing, "frames": rows}
    write_atomically(folder / FRAMES, json.dumps(content).encode(), overwrite=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedFrames:
    """What `prepare_frames` wrote.

    Attributes:
        names: Names of the classes.
        is_thing: Of each, whether it has instances.
        frames: The images.
        pixels: How many pixels of the maps are of each class.
    """

    names: tuple[str, ...]
    is_thing: tuple[bool, ...]
    frames: tuple[TrainingFrame, ...]
    pixels: tuple[int, ...]


def read_frames(folder: Path) -> PreparedFrames:
    """Return the images of a run.

    Args:
        folder: Of the run.

    Raises:
        DatasetError: They are gone, or damaged.
    """
    try:
        content = cast("dict[str, Any]", json.loads((folder / FRAMES).read_bytes()))
        names = tuple(str(name) for name in content["names"])
        ids = {name: i for i, name in enumerate(names)}
        frames = [
            TrainingFrame(
                image=_found(row["image"], folder),
                maps=folder / row["maps"],
                class_ids=frozenset(ids[name] for name in row["pixels"]),
            )
            for row in content["frames"]
        ]
        counts = Counter[str]()
        for row in content["frames"]:
            counts.update(row["pixels"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"`{folder / FRAMES}` is gone or damaged", hint="begin a new training"
        ) from error
    for frame in frames:
        for path in (frame.image, frame.maps):
            if not path.is_file():
                raise DatasetError(
                    f"the training began with `{path}`, which is gone",
                    hint="put the data set back, or begin a new training",
                )
    return PreparedFrames(
        names=names,
        is_thing=tuple(bool(one) for one in content["is_thing"]),
        frames=tuple(frames),
        pixels=tuple(counts[name] for name in names),
    )


def _found(image: str, folder: Path) -> Path:
    """Return the path of an image; one in the run's folder is found wherever that is moved."""
    path = Path(image)
    if MAPS in path.parts and not path.is_file():
        start = len(path.parts) - 1 - path.parts[::-1].index(MAPS)
        return folder.joinpath(*path.parts[start:])
    return path


def _prepare(task: _Task) -> _Prepared:
    sample = task.sample
    if sample.image_path is None:
        raise DatasetError(f"`{sample.name}` {sample.lacking}")
    height, width = sample_image_size(sample.image_path)
    maps = label_maps(sample, task.classes, known=task.known, long_side=task.long_side)
    image = sample.image_path
    if max(height, width) > _LARGER * task.long_side:
        image = task.stem.with_name(f"{task.stem.name}.jpg")
        rows, columns = maps.semantic.shape
        small = cv2.resize(
            read_sample_image(sample.image_path), (columns, rows), interpolation=cv2.INTER_AREA
        )
        data = encode_image(np.asarray(small, dtype=np.uint8), suffix=".jpg", quality=_JPEG_QUALITY)
        write_atomically(image, data, overwrite=True)
    path = task.stem.with_name(f"{task.stem.name}.npz")
    write_atomically(path, maps.compressed(), overwrite=True)
    pixels = np.bincount(maps.semantic.ravel(), minlength=VOID + 1)[:VOID]
    return _Prepared(
        image=image, maps=path, pixels={int(i): int(pixels[i]) for i in np.flatnonzero(pixels)}
    )
