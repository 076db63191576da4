"""Folders that `data prepare` made, checked before hours are spent on them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import yaml
from PIL import Image

from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

YAML = "cityscapes.yaml"
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingImage:
    """A picture with labels.

    Attributes:
        path: The picture.
        classes: Numbers of the classes that it shows.
    """

    path: Path
    classes: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What a network learns from.

    Attributes:
        roots: The prepared folders; the validation split is that of the first.
        names: Classes by their number.
        train: Pictures to learn from.
        val: Pictures to measure on.
    """

    roots: tuple[Path, ...]
    names: tuple[str, ...]
    train: tuple[TrainingImage, ...]
    val: tuple[TrainingImage, ...]

    def shares(self) -> dict[str, float]:
        """Return the share of training pictures that show each class."""
        counts = Counter(number for image in self.train for number in image.classes)
        return {name: counts[i] / len(self.train) for i, name in enumerate(self.names)}


def read_training_data(root: Path, *, also: Sequence[Path] = ()) -> TrainingData:
    """Return the pictures of prepared folders.

    Args:
        root: A folder in YOLO format with the splits `train` and `val`, or the YAML in it.
        also: More such folders, of which only `train` is taken.

    Raises:
        DatasetError: A folder is something else, has no labels, labels of classes that it does
            not name, or other classes than the first.
    """
    roots = [path.parent if path.suffix == ".yaml" else path for path in (root, *also)]
    names = _names(roots[0])
    train: list[TrainingImage] = []
    for each in roots:
        if _names(each) != names:
            raise DatasetError(
                f"`{each}` has other classes than `{roots[0]}`: {_difference(_names(each), names)}",
                hint="prepare both with the same --classes",
            )
        train += _images(each, "train", len(names))
    val = _images(roots[0], "val", len(names))
    if not any(image.classes for image in train):
        raise DatasetError(
            f"no picture under `{roots[0] / 'labels' / 'train'}` has a label",
            hint="make the folder anew: urban-segmentor data prepare CITYSCAPES OUT",
        )
    return TrainingData(roots=tuple(roots), names=names, train=tuple(train), val=tuple(val))


def _names(root: Path) -> tuple[str, ...]:
    """Return the classes of a folder, or say what it is instead."""
    path = root / YAML
    if not path.is_file():
        raise _not_prepared(root)
    try:
        content = yaml.safe_load(path.read_bytes())
        names = cast("dict[int, str]", content["names"])
        numbers = sorted(int(number) for number in names)
        found = tuple(str(names[number]) for number in numbers)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"`{path}` does not say which classes there are", hint="make the folder anew"
        ) from error
    if not found or numbers != list(range(len(found))):
        raise DatasetError(
            f"`{path}` numbers its classes {numbers[:5]}..., expected 0, 1, 2 and so on",
            hint="make the folder anew",
        )
    return found


def _not_prepared(root: Path) -> DatasetError:
    if not root.is_dir():
        return DatasetError(f"there is no folder `{root}`", hint="check the spelling of --data")
    prepare = f"urban-segmentor data prepare {root} {root.with_name(root.name + '-yolo')}"
    if (root / "gtFine").is_dir():
        return DatasetError(
            f"`{root}` is Cityscapes as it comes, which must be prepared first", hint=prepare
        )
    if (root / "annotations").is_dir() or any(root.glob("cityscapes_panoptic*")):
        return DatasetError(
            f"`{root}` is prepared in another format than YOLO's",
            hint="urban-segmentor data prepare CITYSCAPES OUT --format yolo",
        )
    return DatasetError(
        f"`{root}` has no `{YAML}`: it was not made by `data prepare`, or not finished",
        hint="urban-segmentor data prepare CITYSCAPES OUT",
    )


def _images(root: Path, split: str, n_classes: int) -> list[TrainingImage]:
    folder = root / "images" / split
    found = sorted(p for p in folder.glob("*") if p.suffix.lower() in _SUFFIXES)
    if not found:
        raise DatasetError(
            f"`{root}` has no pictures for `{split}`",
            hint=f"prepare it with --split train,val; `{folder}` is where they belong",
        )
    return [_labeled(path, root / "labels" / split, n_classes) for path in found]


def _labeled(path: Path, labels: Path, n_classes: int) -> TrainingImage:
    # A link's own name counts: what it points to may lie anywhere, without labels beside it.
    path, label = path.absolute(), labels / f"{path.stem}.txt"
    try:
        Image.open(path).close()  # only the head; what is broken further on is found in training
    except OSError as error:
        raise DatasetError(
            f"`{path}` is no picture that can be read",
            hint="make the folder anew with data prepare",
        ) from error
    try:
        lines = label.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DatasetError(
            f"`{path.name}` has no labels: there is no `{label}`",
            hint="make the folder anew with data prepare",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"`{label}` cannot be read: {error}", hint="make it anew") from error
    classes: set[int] = set()
    for number, line in enumerate(lines, start=1):
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if not word.isdecimal() or int(word) >= n_classes:
            raise DatasetError(
                f"`{label}` line {number} is of the class `{word[:20]}`, "
                f"but the folder names {n_classes} classes",
                hint="labels and names do not belong together: prepare the folder anew",
            )
        classes.add(int(word))
    return TrainingImage(path=path, classes=frozenset(classes))


def _difference(these: tuple[str, ...], those: tuple[str, ...]) -> str:
    more, fewer = sorted(set(these) - set(those)), sorted(set(those) - set(these))
    told = [f"more: {', '.join(more)}"] if more else []
    told += [f"missing: {', '.join(fewer)}"] if fewer else []
    return "; ".join(told) or "in another order"
