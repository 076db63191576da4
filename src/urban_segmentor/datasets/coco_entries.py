"""Entries of a COCO file, checked one by one; what is wrong is named and left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import MAX_PIXELS
from urban_segmentor.datasets.coco_outlines import Outline, parse_outline
from urban_segmentor.datasets.dataset_classes import DatasetClasses, class_names, own_classes
from urban_segmentor.datasets.files import (
    expect_object,
    listed,
    read_json_object,
    relative_name,
)
from urban_segmentor.datasets.findings import Finding, WrongEntryError, shown
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path, PurePosixPath

    from numpy.typing import NDArray

Id: TypeAlias = int | str

_SLACK = 0.01  # outside by up to this share of a side, or two pixels, is cut off


class CocoObject(NamedTuple):
    """An annotation whose mask is not decoded yet.

    Attributes:
        place: Its position in the list of annotations.
        class_id: Position in the classes of the file.
        is_crowd: True for a region of several objects.
        outline: Its mask.
    """

    place: int
    class_id: int
    is_crowd: bool
    outline: Outline


@dataclass(slots=True, eq=False, kw_only=True)
class CocoImage:
    """A picture with its annotations.

    Attributes:
        name: Where its file is, below the folder of pictures.
        size: Height and width, pixels.
        objects: Its annotations that are whole.
        findings: What is wrong with the others.
    """

    name: PurePosixPath
    size: tuple[int, int]
    objects: list[CocoObject] = field(default_factory=list[CocoObject])
    findings: list[Finding] = field(default_factory=list[Finding])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CocoFile:
    """What a file holds.

    Attributes:
        path: The file.
        classes: In the order of its categories.
        images: In the order of the file.
        findings: What is wrong and belongs to no picture.
    """

    path: Path
    classes: DatasetClasses
    images: tuple[CocoImage, ...]
    findings: tuple[Finding, ...]


def read_coco_file(path: Path) -> CocoFile:
    """Return the pictures and annotations of a file.

    Args:
        path: A COCO instance JSON file.

    Raises:
        DatasetError: It cannot be read, or has no such lists, or no categories.
    """
    content = read_json_object(path)
    entries = {key: listed(content, key, path=path) for key in ("categories", "images")}
    annotations = listed(content, "annotations", path=path)
    findings: list[Finding] = []
    classes, class_ids = _categories(entries["categories"], path, findings)
    images = _images(entries["images"], path, findings)
    seen: set[Id | None] = set()
    for place, entry in enumerate(annotations):
        where = f"{path}: annotations[{place}]"
        fields = expect_object(entry)
        image = images.get(_id(fields.get("image_id")))
        if image is None:
            text = f"has the image_id {shown(fields.get('image_id'))}, which no picture has"
            findings.append(Finding("unknown id", where, text, wrong=True))
            continue
        try:
            image.objects.append(_annotation(fields, class_ids, image.size, seen, place))
        except WrongEntryError as error:
            image.findings.append(error.at(where))
    return CocoFile(
        path=path, classes=classes, images=tuple(images.values()), findings=tuple(findings)
    )


def _categories(
    entries: list[object], path: Path, findings: list[Finding]
) -> tuple[DatasetClasses, dict[Id | None, int]]:
    """Return the classes, and the position of each category id."""
    names: list[object] = []
    stuff: list[str] = []
    class_ids: dict[Id | None, int] = {}
    for place, entry in enumerate(entries):
        fields = expect_object(entry)
        number, name = _id(fields.get("id")), fields.get("name")
        try:
            _check_id(fields, class_ids)
            if isinstance(name, str) and name in names:
                class_ids[number] = names.index(name)
                raise WrongEntryError(  # noqa: TRY301 - all that is wrong goes one way
                    "duplicate", f"is called {shown(name)}, as an earlier one is"
                )
        except WrongEntryError as error:
            findings.append(error.at(f"{path}: categories[{place}]"))
            continue
        class_ids[number] = len(names)
        names.append(name)
        if fields.get("supercategory") == "stuff" or fields.get("isthing") == 0:
            stuff.append(str(name))
    found = class_names(names)
    if isinstance(found, str):
        raise DatasetError(
            f"`{path}`: `categories` {found}", hint='list them as {"id": 1, "name": "car"}'
        )
    return own_classes(found, stuff=stuff), class_ids


def _images(
    entries: list[object], path: Path, findings: list[Finding]
) -> dict[Id | None, CocoImage]:
    """Return the pictures by their ids."""
    images: dict[Id | None, CocoImage] = {}
    names: set[PurePosixPath] = set()
    for place, entry in enumerate(entries):
        fields = expect_object(entry)
        try:
            _check_id(fields, images)
            image = _image(fields)
            if image.name in names:
                raise WrongEntryError(  # noqa: TRY301 - all that is wrong goes one way
                    "duplicate", f"has the file_name `{image.name}`, which an earlier one has"
                )
        except WrongEntryError as error:
            findings.append(error.at(f"{path}: images[{place}]"))
            continue
        images[_id(fields.get("id"))] = image
        names.add(image.name)
    return images


def _image(fields: dict[str, Any]) -> CocoImage:
    name = relative_name(fields.get("file_name"))
    if name is None:
        raise WrongEntryError(
            "path",
            f"has the file_name {shown(fields.get('file_name'))}, expected a path below the "
            "folder of pictures",
        )
    sides = [fields.get(key) for key in ("height", "width")]
    height, width = (side if type(side) is int and side > 0 else 0 for side in sides)
    if not 0 < height * width <= MAX_PIXELS:
        raise WrongEntryError(
            "size",
            f"has the width {shown(sides[1])} and the height {shown(sides[0])}, expected pixels",
        )
    return CocoImage(name=name, size=(height, width))


def _annotation(
    fields: dict[str, Any],
    class_ids: dict[Id | None, int],
    size: tuple[int, int],
    seen: set[Id | None],
    place: int,
) -> CocoObject:
    if fields.get("id") is not None:
        _check_id(fields, seen)
        seen.add(_id(fields["id"]))
    class_id = class_ids.get(_id(fields.get("category_id")))
    if class_id is None:
        text = f"has the category_id {shown(fields.get('category_id'))}, which no category has"
        raise WrongEntryError("unknown id", text)
    crowd: object = fields.get("iscrowd", 0)
    if crowd not in (0, 1, None):
        raise WrongEntryError("entry", f"has the iscrowd {shown(crowd)}, expected 0 or 1")
    outline = _outline(fields.get("segmentation"), size, has_box="bbox" in fields)
    return CocoObject(place, class_id, bool(crowd), outline)


def _outline(value: object, size: tuple[int, int], *, has_box: bool) -> Outline:
    """Return a mask that is not decoded yet."""
    if value is None or value == []:
        if has_box:
            raise WrongEntryError("box", "has a box, and no mask")
        raise WrongEntryError("polygon", "has an empty polygon")
    outline, own = parse_outline(value)
    if own is None:
        _check_inside(cast("tuple[NDArray[np.float64], ...]", outline), size)
    elif own != size:
        text = f"has run lengths of the size {own[0]}, {own[1]}"
        raise WrongEntryError("size", f"{text}, its picture has {size[0]}, {size[1]}")
    return outline


def _check_inside(rings: Sequence[NDArray[np.float64]], size: tuple[int, int]) -> None:
    """Check that no polygon, float64 (K, 2), reaches far out of the picture."""
    allowed = np.maximum(np.array(size[::-1]) * _SLACK, 2)
    for points in rings:
        beyond = np.maximum(-points, points - size[::-1])
        if (beyond > allowed).any():
            raise WrongEntryError(
                "outside", f"reaches out of the picture, by {beyond.max():.0f} px"
            )


def _check_id(fields: dict[str, Any], known: Collection[Id | None]) -> None:
    """Check that an entry has an id, and that no earlier one has it."""
    number = _id(fields.get("id"))
    if number is None:
        raise WrongEntryError("entry", f"has the id {shown(fields.get('id'))}, expected a number")
    if number in known:
        raise WrongEntryError("duplicate", f"has the id {shown(number)}, which an earlier one has")


def _id(value: object) -> Id | None:
    """Return an id that can be one; None for anything else."""
    return value if type(value) is int or isinstance(value, str) else None
