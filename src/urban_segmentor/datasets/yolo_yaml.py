"""The YAML file of a data set in YOLO's format: which classes there are, and which pictures."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from urban_segmentor.datasets.dataset_classes import (
    DatasetClasses,
    cityscapes_classes,
    class_names,
    own_classes,
)
from urban_segmentor.datasets.files import limited_bytes
from urban_segmentor.datasets.findings import Finding, shown
from urban_segmentor.datasets.sample_images import path_bytes
from urban_segmentor.errors import ContentError, DatasetError, reading
from urban_segmentor.io.image_codec import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

PREPARED = "cityscapes.yaml"
"""What `data prepare` calls the file."""

YAML_SUFFIXES = (".yaml", ".yml")
_USUAL = (PREPARED, "data.yaml", "data.yml", "dataset.yaml")
_SPLITS = ("train", "val", "test")
_MAX_YAML_BYTES = 2**20
_MAX_LIST_BYTES = 2**28
_MANY_CLASSES = 10_000
_HINT = (
    "it should have lines such as `train: images/train`, `val: images/val` and `names: [car, bus]`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloYaml:
    """What the file says.

    Attributes:
        path: The file.
        root: The folder that other paths are relative to.
        splits: The folders and lists of each split that has some.
        classes: By their number.
    """

    path: Path
    root: Path
    splits: dict[str, tuple[str, ...]]
    classes: DatasetClasses

    @property
    def is_prepared(self) -> bool:
        """True where `data prepare` made it, so that each picture has labels."""
        return self.path.name == PREPARED


def find_yolo_yaml(path: Path) -> Path | None:
    """Return the YAML file of a data set, or None when there is none.

    Args:
        path: The file, or the folder that it lies in.
    """
    if path.is_file():
        return path if path.suffix.lower() in YAML_SUFFIXES else None
    if not path.is_dir():
        return None
    for name in _USUAL:
        if (path / name).is_file():
            return path / name
    others = sorted(one for one in path.iterdir() if one.suffix.lower() in YAML_SUFFIXES)
    return others[0] if len(others) == 1 else None


def read_yolo_yaml(path: Path) -> YoloYaml:
    """Return what a data set's YAML file says.

    Args:
        path: The file.

    Raises:
        DatasetError: There is none, it is damaged, or has no classes or no splits.
    """
    with reading(path, DatasetError):
        return _parsed(path)


def _parsed(file: Path) -> YoloYaml:
    content = _content(file)
    names = _names(content.get("names"))
    official = cityscapes_classes(names) if file.name == PREPARED else None
    root = _root(content.get("path"), file)
    splits = {
        split: _entries(content[key], split)
        for split, key in (*((name, name) for name in _SPLITS), ("val", "validation"))
        if content.get(key)
    }
    if file.name == PREPARED:
        # It names `train` and `val` whichever splits there are; the folders say which.
        folders = {entry: Path(entry).name for entries in splits.values() for entry in entries}
        splits = {name: (entry,) for entry, name in sorted(folders.items())}
    if not splits:
        raise ContentError("names neither `train` nor `val`", hint=_HINT)
    return YoloYaml(path=file, root=root, splits=splits, classes=official or own_classes(names))


def split_images(about: YoloYaml, split: str) -> tuple[list[Path], list[Finding]]:
    """Return the pictures of a split, absolute and each once, and what is not there.

    Args:
        about: What the YAML file says.
        split: One of its splits.
    """
    images: dict[Path, None] = {}
    findings: list[Finding] = []
    for entry in about.splits[split]:
        path = _located(entry, about.root)
        if path.is_dir():
            images |= dict.fromkeys(sorted(_below(path)))
        elif path.is_file():
            for found in _listed(path, about.root):
                if isinstance(found, Finding):
                    findings.append(found)
                else:
                    images[found] = None
        else:
            text = f"names `{entry}` for `{split}`, and there is no `{path}`"
            wrong = split != "test"  # which many name and few have
            findings.append(Finding("missing", str(about.path), text, wrong=wrong))
    return list(images), findings


def _content(file: Path) -> dict[str, Any]:
    data = limited_bytes(file, max_bytes=_MAX_YAML_BYTES, hint=_HINT)
    try:
        content: object = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        text = " ".join(str(error).split())[:300]
        raise ContentError(f"is no YAML: {text}", hint=_HINT) from error
    if not isinstance(content, dict):
        raise ContentError(f"is {shown(content)}, expected a table", hint=_HINT)
    return cast("dict[str, Any]", content)


def _names(content: object) -> list[str]:
    """Return the classes by their number."""
    if isinstance(content, dict):
        by_number = cast("dict[object, object]", content)
        numbers = sorted(number for number in by_number if type(number) is int)
        if len(numbers) != len(by_number) or numbers != list(range(len(numbers))):
            raise ContentError(
                f"numbers its classes {shown(next(iter(by_number), None))}..., "
                "expected 0, 1, 2 and so on",
                hint=_HINT,
            )
        names = [by_number[number] for number in numbers]
    else:
        names = cast("list[object]", content) if isinstance(content, list) else []
    found = class_names(names[:_MANY_CLASSES])
    if isinstance(found, str):
        raise ContentError(found, hint=_HINT)
    return found


def _root(content: object, file: Path) -> Path:
    folder = Path(os.path.abspath(file.parent))  # noqa: PTH100 - links stay as they are
    if content in (None, ""):
        return folder
    if not isinstance(content, str) or not _is_path(content):
        raise ContentError(f"has the path {shown(content)}", hint=_HINT)
    root = _normal(folder / content)
    if not root.is_dir():
        raise ContentError(
            f"has `path: {content}`, and there is no folder `{root}`",
            hint="leave out `path` where the file lies in the data set's folder",
        )
    return root


def _entries(content: object, split: str) -> tuple[str, ...]:
    entries = cast("list[object]", content) if isinstance(content, list) else [content]
    for entry in entries:
        if not isinstance(entry, str) or not _is_path(entry):
            raise ContentError(
                f"names {shown(entry)} for `{split}`, expected a folder or a text file",
                hint=_HINT,
            )
    return tuple(cast("list[str]", entries))


def _located(entry: str, root: Path) -> Path:
    """Return where a folder or list is; many exports say `../train` for what lies beside."""
    path = _normal(root / entry)
    if not path.exists() and entry.startswith("../"):
        return _normal(root / entry[3:])
    return path


def _below(folder: Path) -> Iterator[Path]:
    """Yield the pictures of a folder and of those in it; no link to a folder is followed."""
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(above, name)


def _listed(path: Path, root: Path) -> Iterator[Path | Finding]:
    """Yield the pictures of a list that lie in the data set, and what else it has."""
    length = path.stat().st_size
    if length > _MAX_LIST_BYTES:
        text = f"has {length} bytes, at most {_MAX_LIST_BYTES} are read"
        yield Finding("unreadable", str(path), text, wrong=True)
        return
    allowed = (root, path.parent)
    for number, line in enumerate(path_bytes(path).splitlines(), start=1):
        text, where = line.strip().decode("utf-8", "replace"), f"{path}:{number}"
        if not text:
            continue
        if not _is_path(text):
            yield Finding("path", where, f"is {shown(text)}, expected a path", wrong=True)
            continue
        tried = [_normal(folder / text) for folder in allowed[:: -1 if text[:2] == "./" else 1]]
        image = next((one for one in tried if one.is_file()), tried[0])
        if not any(image.is_relative_to(folder) for folder in allowed):
            why = f"leads out of the data set `{root}`, to {shown(text)}"
            yield Finding("path", where, why, wrong=True)
        elif image.suffix.lower() not in IMAGE_SUFFIXES:
            yield Finding("path", where, f"is {shown(text)}, no picture's name", wrong=True)
        elif not image.is_file():
            yield Finding("missing", where, f"names {shown(text)}, which is not there", wrong=True)
        else:
            yield image


def _is_path(text: str) -> bool:
    return text.isprintable() and len(text) < 4096


def _normal(path: Path) -> Path:
    """Return a path without `..`; links stay as they are, as labels lie beside the link."""
    return Path(os.path.normpath(path))
