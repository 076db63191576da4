"""Polygon files: what is read, what is named as wrong, and that nothing gets past that."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.datasets.cityscapes.annotation import (
    MAX_COORDINATE,
    MAX_OBJECTS,
    find_label,
    parse_annotation,
    read_annotation,
)
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects
from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CITYSCAPES

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = [[1, 1], [5, 1], [5, 5], [1, 5]]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)
numbers = st.integers(-50, 80) | st.floats() | st.integers()
polygons = st.lists(st.lists(numbers, min_size=1, max_size=3), max_size=6) | anything
objects = st.fixed_dictionaries(
    {},
    optional={
        "label": st.sampled_from([row.name for row in CITYSCAPES] + ["cargroup", "ufo"]) | anything,
        "polygon": polygons,
        "deleted": st.sampled_from([0, 1]) | anything,
    },
)


def content(*found: object, height: object = 20, width: object = 30) -> dict[str, object]:
    """Return what a polygon file holds."""
    return {"imgHeight": height, "imgWidth": width, "objects": list(found)}


@given(st.lists(objects | anything, max_size=8))
def test_each_object_is_drawn_or_named(found: list[object]) -> None:
    """Whatever is in the file: drawn, deleted, a number plate, or a problem; never an exception."""
    annotation = parse_annotation(content(*found))
    plates = sum(
        isinstance(one, dict) and str(one.get("label")).startswith("license plate") for one in found
    )
    told = len(annotation.objects) + annotation.deleted + len(annotation.problems)
    assert told <= len(found) <= told + plates
    drawn = draw_objects(annotation)
    assert drawn.numbers.shape == (20, 30)
    for item in annotation.objects:
        assert item.points.shape[1] == 2
        assert len(item.points) >= 3
        assert np.abs(item.points).max() <= MAX_COORDINATE


@given(anything)
def test_other_content_is_refused(whatever: object) -> None:
    """Only what has a size and objects is an annotation."""
    with pytest.raises(DatasetError, match="expected `imgHeight` and `imgWidth`"):
        parse_annotation(whatever)


@pytest.mark.parametrize(
    ("height", "width"),
    [(0, 5), (-3, 5), (5, None), (2.5, 5), (True, True), ("5", 5), (2**20, 2**20), (10**400, 1)],
)
def test_sizes_that_are_none(height: object, width: object) -> None:
    """Not positive whole numbers, or pictures that no memory holds."""
    with pytest.raises(DatasetError, match="expected `imgHeight`"):
        parse_annotation(content(height=height, width=width))


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        ([], "no list of points"),
        (None, "no list of points"),
        ("abc", "no list of points"),
        ([[1, 2], [3]], "no list of points"),
        ([[1, 2, 3]] * 3, "no list of points"),
        ([[1, 2], [3, 4]], "2 points, at least 3"),
        ([[1, 2], [3, float("nan")], [5, 6]], "not finite"),
        ([[1, 2], [3, float("inf")], [5, 6]], "not finite"),
        ([[1, 2], [3, MAX_COORDINATE + 1], [5, 6]], "far outside"),
        ([[1, 2], [3, 10**400], [5, 6]], "no list of points"),
    ],
)
def test_polygons_that_are_none(polygon: object, said: str) -> None:
    """They are left out and named; the others are read, with the numbers they have officially."""
    good = {"label": "car", "polygon": SQUARE}
    annotation = parse_annotation(content(good, {"label": "car", "polygon": polygon}, good))
    assert [item.instance_id for item in annotation.objects] == [26000, 26002]
    (problem,) = annotation.problems
    assert "object 1 (car)" in problem
    assert said in problem


def test_labels() -> None:
    """Groups are groups, but `polegroup` is a label of its own; unknown ones are unlabeled."""
    assert find_label("cargroup") == (BY_NAME["car"], True)
    assert find_label("polegroup") == (BY_NAME["polegroup"], False)
    assert find_label("ufogroup") == (None, True)
    names = ["ufo", "car", "cargroup", "road", "license plate", "ufo"]
    found = [{"label": name, "polygon": SQUARE} for name in names]
    annotation = parse_annotation(content(*found))
    assert annotation.unknown == ("ufo",)
    assert [item.instance_id for item in annotation.objects] == [0, 26000, 26, 7, 0]


def test_outside() -> None:
    """Polygons beyond the last pixel centre, counted once each."""
    found = [[[0, 0], [29, 0], [29, 19]], [[-1, 0], [30, 0], [5, 5]], [[0, 0], [5, 19.5], [5, 5]]]
    annotation = parse_annotation(content(*({"label": "sky", "polygon": one} for one in found)))
    assert annotation.outside == 2
    assert parse_annotation(content()).outside == 0


def test_too_many_objects() -> None:
    """More than `instanceIds` could tell apart: of a class they are named, in all refused."""
    cars = [{"label": "car", "polygon": SQUARE}] * 1002
    annotation = parse_annotation(content(*cars, {"label": "cargroup", "polygon": SQUARE}))
    assert [item.instance_id for item in annotation.objects] == [*range(26000, 27000), 26]
    assert len(annotation.problems) == 2
    assert annotation.problems[0].startswith("object 1000 (car) is one too many")
    with pytest.raises(DatasetError, match=f"at most {MAX_OBJECTS} objects"):
        parse_annotation(content(*[{}] * (MAX_OBJECTS + 1)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"imgHeight": 1',
        b"\xff\xfe{",
        b'{"a": "\xe9"}',
        b"[" * 100_000,
        b'{"imgHeight": ' + b"9" * 5000 + b"}",
    ],
)
def test_files_that_are_no_json(tmp_path: Path, data: bytes) -> None:
    """Cut off, in another encoding, nested without end: named, with the file."""
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"a\.json` cannot be read as JSON") as caught:
        read_annotation(path)
    assert caught.value.hint
    with pytest.raises(DatasetError, match="No such file"):
        read_annotation(tmp_path / "b.json")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    """JSON, but no annotation: the file is named."""
    path = tmp_path / "a.json"
    wrong: list[Any] = [[], {"objects": []}, {"imgHeight": 4, "imgWidth": 4, "objects": {}}]
    for one in wrong:
        path.write_text(json.dumps(one))
        with pytest.raises(DatasetError, match=r"a\.json`: expected"):
            read_annotation(path)
