"""A Cityscapes folder: its images and polygon files, frame by frame, and as a set of samples.

Source: the layout of the official archives, `gtFine/{split}/{city}/{stem}_gtFine_polygons.json`
and `leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png`; pictures may be JPEG as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from urban_segmentor.datasets.cityscapes.file_names import (
    IMAGE_SUFFIXES,
    IMAGES,
    LABELS,
    POLYGONS_SUFFIX,
)
from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
from urban_segmentor.datasets.dataset_classes import DatasetClasses
from urban_segmentor.datasets.findings import Finding
from urban_segmentor.datasets.samples import SampleSet, samples_of_split
from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES, TRAIN_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MAX_NAMED = 8
_OFFICIAL_COUNTS = {"train": 2975, "val": 500, "test": 1525}
_FILE_SUFFIXES = (".json", ".yaml", ".yml")


COLORED = DatasetClasses(
    labels=tuple(label for label in CITYSCAPES if label.label_id > 0 and any(label.color))
)
"""Every class that has a color of its own, also those that no network is trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The frames of a Cityscapes folder.

    Attributes:
        root: The folder.
        frames: Every frame that has polygons or a picture, by split and stem.
    """

    root: Path
    frames: tuple[CityscapesFrame, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are there, sorted."""
        return tuple(sorted({frame.split for frame in self.frames}))

    def of_split(self, split: str) -> tuple[CityscapesFrame, ...]:
        """Return the frames of a split.

        Raises:
            SettingError: There is no such split.
        """
        return samples_of_split(self.frames, split, root=self.root)


def read_layout(root: Path) -> Layout:
    """Return the frames of a Cityscapes folder.

    Args:
        root: The folder that has `gtFine` and `leftImg8bit` in it.

    Raises:
        DatasetError: It is no such folder.
    """
    if not root.is_dir():
        raise _no_folder(root)
    labels, source_images = root / LABELS, root / IMAGES
    if not labels.is_dir() and not source_images.is_dir():
        raise DatasetError(
            f"`{root}` is no Cityscapes folder: looked for the folders `{LABELS}` and "
            f"`{IMAGES}`, found {folder_content(root)}",
            hint=folder_hint(root),
        )
    polygons = dict(_files(labels, (POLYGONS_SUFFIX,)))
    images = dict(_files(source_images, tuple(f"_{IMAGES}{end}" for end in IMAGE_SUFFIXES)))
    keys = sorted(polygons.keys() | images.keys())
    if not keys:
        raise DatasetError(
            f"`{root}` has no `{LABELS}/SPLIT/CITY/*{POLYGONS_SUFFIX}` and no "
            f"`{IMAGES}/SPLIT/CITY/*_{IMAGES}.png`",
            hint=f"unpack the archives there, or run: urban-segmentor data download {root}",
        )
    frames = tuple(
        CityscapesFrame(
            split=split,
            group=city,
            stem=stem,
            polygons=polygons.get((split, city, stem)),
            image_path=images.get((split, city, stem)),
        )
        for split, city, stem in keys
    )
    return Layout(root=root, frames=frames)


def cityscapes_set(layout: Layout) -> SampleSet:
    """Return the frames of a Cityscapes folder.

    Args:
        layout: What the folder has.
    """
    return SampleSet(
        root=layout.root,
        kind="cityscapes",
        samples=layout.frames,
        classes=DatasetClasses(labels=tuple(label for label in CITYSCAPES if label.label_id > 0)),
        counted=DatasetClasses(labels=TRAIN_LABELS),
        drawn=COLORED,
        grouping="city",
        findings=tuple(_set_findings(layout.frames)),
    )


def _set_findings(frames: Sequence[CityscapesFrame]) -> Iterator[Finding]:
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


def _files(folder: Path, endings: tuple[str, ...]) -> Iterator[tuple[tuple[str, str, str], Path]]:
    """Yield split, city and stem of the files two folders down, with their paths."""
    for split in _folders(folder):
        for city in _folders(split):
            with os.scandir(city) as entries:
                names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
            for name in names:
                for ending in endings:
                    if name.endswith(ending):
                        yield (split.name, city.name, name.removesuffix(ending)), city / name


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _no_folder(path: Path) -> DatasetError:
    """Return the error for a path that leads to no folder; names that are near may be meant."""
    if path.exists():
        return DatasetError(
            f"`{path}` is a file, expected a folder", hint=f"give a folder, such as `{path.parent}`"
        )
    kind = "file" if path.suffix.lower() in _FILE_SUFFIXES else "folder"
    if not path.parent.is_dir():
        hint = f"look at the path: there is no folder `{path.parent}` either"
    else:
        names = [one.name for one in path.parent.iterdir()]
        near = get_close_matches(path.name, names, n=1)
        at = path.parent.resolve()
        hint = f"look at the path: `{at}` has no `{path.name}`"
        if near:
            hint = f"did you mean `{path.with_name(near[0])}`?"
    return DatasetError(f"there is no {kind} `{path}`", hint=hint)


def folder_content(root: Path) -> str:
    """Return the names of what is in a folder, the first few of many, for messages."""
    names = sorted(path.name + "/" * path.is_dir() for path in root.iterdir())
    if not names:
        return "nothing"
    more = len(names) - _MAX_NAMED
    listed = ", ".join(f"`{name}`" for name in names[:_MAX_NAMED])
    return listed + (f" and {more} more" if more > 0 else "")


def folder_hint(root: Path) -> str:
    """Return the hint for a folder without a data set: one may be near, or not be unpacked."""
    near = [root.parent, *(path for path in sorted(root.iterdir()) if path.is_dir())]
    for folder in near:
        if (folder / LABELS).is_dir() or (folder / IMAGES).is_dir():
            return f"did you mean `{folder}`?"
    if (root / "images").is_dir() and (root / "report.json").is_file():
        return "it was made by `data prepare`; give the Cityscapes folder that it was made from"
    if archives := sorted(path.name for path in root.glob("*.zip")):
        return f"unpack {', '.join(archives)} first"
    if any(root.iterdir()):  # nobody wants gigabytes among files of their own
        return "get Cityscapes with: urban-segmentor data download cityscapes"
    return f"get Cityscapes with: urban-segmentor data download {root}"
