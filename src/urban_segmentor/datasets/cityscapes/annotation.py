"""The polygons of a frame, read and checked.

Source: `helpers/annotation.py` and `preparation/json2instanceImg.py` of cityscapesScripts, for
what is drawn: in order, without `deleted` objects, `...group` as a region of several objects.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CityscapesLabel

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_COORDINATE = 2**20
"""Coordinates beyond are no pixels of a picture."""

MAX_OBJECTS = 2**16 - 1
"""Files with more are refused: official `instanceIds` could not tell so many apart."""

MAX_PIXELS = 2**27
"""Larger pictures are refused, as their labels would not fit into the memory."""

_IDS_OF_CLASS = 1000
_GROUP = "group"
_UNKNOWN = BY_NAME["unlabeled"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PolygonObject:
    """One polygon that is drawn.

    Attributes:
        label: The class; `unlabeled` for names that the label table does not have.
        is_group: True for a region of several objects that nobody told apart.
        number: Which one of its class it is in this frame, from 0; 0 for groups and stuff.
        points: float64 (K, 2), K at least 3, x and y in pixels; may lie outside the picture.
    """

    label: CityscapesLabel
    is_group: bool
    number: int
    points: NDArray[np.float64]

    @property
    def is_single(self) -> bool:
        """True for one object of a class that tells objects apart."""
        return self.label.is_thing and not self.is_group

    @property
    def instance_id(self) -> int:
        """Its value in official `instanceIds` pictures."""
        label_id = self.label.label_id
        return label_id * 1000 + self.number if self.is_single else label_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """The polygons of a frame.

    Attributes:
        image_size: Height and width of the frame that they were drawn on, pixels.
        objects: In drawing order: later ones cover earlier ones.
        deleted: How many objects are marked as deleted, and left out.
        unknown: Names that the label table does not have; their pixels count as unlabeled.
        problems: What could not be read, one sentence each; these objects are left out.
    """

    image_size: tuple[int, int]
    objects: tuple[PolygonObject, ...]
    deleted: int = 0
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def outside(self) -> int:
        """How many polygons reach out of the picture."""
        if not self.objects:
            return 0
        height, width = self.image_size
        lengths = [len(item.points) for item in self.objects]
        points = np.concatenate([item.points for item in self.objects])
        beyond = ((points < 0) | (points > (width - 1, height - 1))).any(axis=1)
        return int(np.count_nonzero(np.logical_or.reduceat(beyond, np.cumsum([0, *lengths[:-1]]))))


def read_annotation(path: Path) -> Annotation:
    """Return the polygons of a file.

    Args:
        path: A `..._gtFine_polygons.json`.

    Raises:
        DatasetError: The file cannot be read, is no JSON, or has no size or objects.
    """
    try:
        with path.open("rb") as file:
            content: object = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(
            f"`{path}` cannot be read as JSON: {reason}",
            hint="unpack the archive again, the file is damaged",
        ) from error
    try:
        return parse_annotation(content)
    except DatasetError as error:
        raise DatasetError(f"`{path}`: {error}", hint=error.hint) from error


def parse_annotation(content: object) -> Annotation:
    """Return the polygons of a file's content.

    Args:
        content: What `json.load` made of it.

    Raises:
        DatasetError: It has no size or no list of objects.
    """
    fields = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    height: Any = fields.get("imgHeight")
    width: Any = fields.get("imgWidth")
    entries: object = fields.get("objects")
    if not _is_size(height, width) or not isinstance(entries, list):
        raise DatasetError(
            "expected `imgHeight` and `imgWidth` in pixels and a list `objects`, "
            f"got {height!r}, {width!r} and {type(entries).__name__}",
            hint="the file should be an official `..._gtFine_polygons.json`",
        )
    listed = cast("list[object]", entries)
    if len(listed) > MAX_OBJECTS:
        raise DatasetError(
            f"expected at most {MAX_OBJECTS} objects, got {len(listed)}",
            hint="the file should be an official `..._gtFine_polygons.json`",
        )
    parser = _Parser(listed)
    for index, entry in enumerate(listed):
        parser.add(index, entry)
    return Annotation(
        image_size=(height, width),
        objects=tuple(parser.objects),
        deleted=parser.deleted,
        unknown=tuple(dict.fromkeys(parser.unknown)),
        problems=tuple(parser.problems),
    )


def find_label(name: str) -> tuple[CityscapesLabel | None, bool]:
    """Return the label of a name, or None, and whether it means a group.

    >>> find_label("cargroup")[1]
    True
    """
    if name in BY_NAME:  # `polegroup` is a label of its own
        return BY_NAME[name], False
    if name.endswith(_GROUP):
        return BY_NAME.get(name.removesuffix(_GROUP)), True
    return None, False


class _Parser:
    """Collects the objects of a file.

    Args:
        entries: All that will be added.
    """

    def __init__(self, entries: list[object]) -> None:
        self._points = _all_points(entries)
        self.objects: list[PolygonObject] = []
        self.deleted = 0
        self.unknown: list[str] = []
        self.problems: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, index: int, entry: object) -> None:
        fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        name = fields.get("label")
        if not isinstance(name, str):
            self.problems.append(f"object {index} has no label")
            return
        if fields.get("deleted"):
            self.deleted += 1
            return
        label, is_group = find_label(name)
        if label is None:
            self.unknown.append(name)
            label, is_group = _UNKNOWN, False
        single = label.is_thing and not is_group
        # Official numbers count an object even if it cannot be drawn.
        number = self._numbers.get(label.name, 0) if single else 0
        if single:
            self._numbers[label.name] = number + 1
        points = _points(fields.get("polygon")) if self._points is None else self._points[index]
        if isinstance(points, str):
            self.problems.append(f"object {index} ({name}) {points}")
        elif number >= _IDS_OF_CLASS:
            self.problems.append(
                f"object {index} ({name}) is one too many: official ids tell {_IDS_OF_CLASS} apart"
            )
        elif label.label_id >= 0:
            item = PolygonObject(label=label, is_group=is_group, number=number, points=points)
            self.objects.append(item)


def _is_size(height: object, width: object) -> bool:
    sides = [side for side in (height, width) if type(side) is int and side > 0]
    return len(sides) == 2 and math.prod(sides) <= MAX_PIXELS


def _all_points(entries: list[Any]) -> list[NDArray[np.float64]] | None:
    """Return the points of all entries, float64 (K, 2) each, or None unless all are well.

    At once they take a fifth of the time of one by one.
    """
    try:
        polygons = [entry["polygon"] for entry in entries]
        lengths = list(map(len, polygons))
        pairs = list(chain.from_iterable(polygons))
        if min(lengths, default=0) < 3 or set(map(len, pairs)) != {2}:
            return None
        points = np.fromiter(chain.from_iterable(pairs), np.float64, 2 * len(pairs)).reshape(-1, 2)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        return None
    if not np.abs(points).max() <= MAX_COORDINATE:
        return None
    ends = accumulate(lengths)
    return [points[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _points(polygon: object) -> NDArray[np.float64] | str:
    """Return the points, float64 (K, 2), or what is wrong with them."""
    try:
        points = np.array(polygon, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return "has a polygon that is no list of points"
    if len(points.shape) != 2 or points.shape[1] != 2:
        return "has a polygon that is no list of points"
    if len(points) < 3:
        return f"has a polygon of {len(points)} points, at least 3 are needed"
    if not np.abs(points).max() <= MAX_COORDINATE:  # also when it is NaN
        return "has a point that is not finite, or far outside"
    return points
