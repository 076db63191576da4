"""Instances are indexed and iterated as NumPy users expect, and every field follows."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import instances
from urban_segmentor.errors import SettingError, ShapeError
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

CLASSES = ClassList.from_names(["car", "person", "car", "sky"], is_thing=[True, True, True, False])


def three(**fields: Any) -> Instances:  # noqa: ANN401
    """Return a car of 2 x 3 pixels, a person of one, and another car without any."""
    dense = np.zeros((3, 6, 8), dtype=np.bool_)
    dense[0, 1:3, 2:5] = True
    dense[1, 5, 7] = True
    masks = Masks.from_dense(dense)
    given_fields: dict[str, Any] = {
        "boxes": masks.rectangles(),
        "masks": masks,
        "scores": np.array([0.9, 0.5, 0.25], dtype=np.float32),
        "class_ids": np.array([0, 1, 2], dtype=np.int32),
        "classes": CLASSES,
    }
    return Instances(**given_fields | fields)


def assert_same(found: Instances, expected: Instances) -> None:
    """Assert that all fields are equal."""
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.class_ids, expected.class_ids)
    np.testing.assert_array_equal(found.masks.dense(), expected.masks.dense())
    assert found.classes == expected.classes
    assert found.image_size == expected.image_size
    assert (found.track_ids is None) == (expected.track_ids is None)
    if found.track_ids is not None:
        np.testing.assert_array_equal(found.track_ids, expected.track_ids)
    assert list(found.extra) == list(expected.extra)
    for name, values in expected.extra.items():
        np.testing.assert_array_equal(found.extra[name], values)


def test_one_object_has_plain_values() -> None:
    """Numbers of Python, so that they print and go into JSON."""
    car = three()[0]
    assert (car.class_id, car.class_name, car.box) == (0, "car", (2.0, 1.0, 5.0, 3.0))
    assert car.score == pytest.approx(0.9)
    assert [type(value) for value in (car.class_id, car.score, *car.box)] == [int, *[float] * 5]
    assert car.mask.area_px == 6
    np.testing.assert_array_equal(car.mask.dense(), three().masks.dense()[0])
    assert (car.track_id, dict(car.extra)) == (None, {})
    assert repr(car) == "<Instance car 0.90 box=(2.0, 1.0, 5.0, 3.0)>"
    with pytest.raises(FrozenInstanceError):
        car.score = 1.0  # pyright: ignore[reportAttributeAccessIssue]


@given(instances())
def test_iterating_is_indexing(found: Instances) -> None:
    """As many as there are, in order, and again from the start."""
    for _ in range(2):
        seen = list(found)
        assert len(seen) == len(found)
        for i, one in enumerate(seen):
            assert one.score == found.scores[i]
            assert one.class_id == found.class_ids[i]
            assert list(one.box) == found.boxes[i].tolist()
            np.testing.assert_array_equal(one.mask.dense(), found.masks.dense()[i])
    for i in range(len(found)):
        assert found[i - len(found)].box == found[np.int64(i)].box == seen[i].box


@given(instances(), st.data())
def test_many_are_indexed_as_arrays_are(found: Instances, data: st.DataObject) -> None:
    """Slices, positions and masks, as lists and as arrays, take what NumPy takes of the scores."""
    n = len(found)
    positions = st.lists(st.integers(-n, n - 1), max_size=5) if n else st.just([])
    kept = st.lists(st.booleans(), min_size=n, max_size=n)
    index = data.draw(st.slices(n) | positions | kept)
    of_numpy = index if isinstance(index, slice) else np.array(index)
    if not isinstance(index, slice) and not index:
        of_numpy = np.zeros(0, dtype=np.intp)
    for key in (index, of_numpy):
        some = found[key]
        np.testing.assert_array_equal(some.scores, found.scores[of_numpy])
        np.testing.assert_array_equal(some.class_ids, found.class_ids[of_numpy])
        np.testing.assert_array_equal(some.boxes, found.boxes[of_numpy])
        np.testing.assert_array_equal(some.masks.dense(), found.masks.dense()[of_numpy])


@pytest.mark.parametrize("index", [3, -4, np.int32(3), [0, 3], [True, False], [True] * 4])
def test_there_are_not_so_many(index: Any) -> None:  # noqa: ANN401
    """An index out of range is no empty answer."""
    with pytest.raises(IndexError):
        three()[index]


@pytest.mark.parametrize("index", ["car", None, [[0, 1]], np.bool_(True), np.float32(0)])  # noqa: FBT003
def test_what_is_no_index(index: Any) -> None:  # noqa: ANN401
    """The hint says how objects of a class are taken, which is what was meant."""
    with pytest.raises(SettingError, match="cannot be indexed by") as caught:
        three()[index]
    assert 'instances.is_class("car")' in str(caught.value.hint)


def test_all_fields_follow() -> None:
    """Tracks and more values as well; what was there before stays as it is."""
    speeds = np.array([3.0, 0.5, 9.0])
    whole = three(
        track_ids=np.array([7, 8, 9], dtype=np.int32),
        extra={"speed_mps": speeds, "ends": np.arange(12).reshape(3, 4)},
    )
    some = whole[[2, 0]]
    assert some.track_ids is not None
    assert some.track_ids.tolist() == [9, 7]
    assert some.extra["speed_mps"].tolist() == [9.0, 3.0]
    assert some.extra["ends"].tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    assert some.classes is whole.classes
    assert_same(some[[1, 0]], whole[::2])
    assert_same(whole[:], whole)
    last = whole[-1]
    assert (last.track_id, last.extra["speed_mps"]) == (9, 9.0)
    assert last.extra["ends"].tolist() == [8, 9, 10, 11]
    assert repr(last).startswith("<Instance car #9 0.25 box=")


def test_no_field_can_be_written_to() -> None:
    """Neither arrays nor the mapping of more values; the caller's own stay writable."""
    speeds = np.zeros(3)
    found = three(extra={"speed_mps": speeds}, track_ids=np.arange(3, dtype=np.int32))
    for array in (found.boxes, found.scores, found.class_ids, found.track_ids):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0  # pyright: ignore[reportOptionalSubscript]
    with pytest.raises(ValueError, match="read-only"):
        found.extra["speed_mps"][0] = 1
    with pytest.raises(TypeError):
        found.extra["other"] = speeds  # pyright: ignore[reportIndexIssue]
    speeds[0] = 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"track_ids": np.zeros(2, dtype=np.int32)}, r"`track_ids` must be int32 \(3\)"),
        ({"track_ids": np.zeros(3)}, r"`track_ids` must be int32 \(3\), got float64"),
        ({"extra": {"speed": np.zeros(2)}}, r"`extra\['speed'\]` must be an array of 3 rows"),
        ({"extra": {"speed": np.float64(1)}}, r"`extra\['speed'\]` must be an array of 3 rows"),
        ({"extra": {"speed": [1, 2, 3]}}, r"`extra\['speed'\]` must be an array of 3 rows"),
    ],
)
def test_fields_of_another_length_are_named(fields: dict[str, Any], message: str) -> None:
    """Each has as many rows as there are masks."""
    with pytest.raises(ShapeError, match=message):
        three(**fields)


def test_is_class_takes_names_and_ids() -> None:
    """Every class of a name that repeats; several names mean any of them."""
    found = three()
    assert found.is_class("car").tolist() == [True, False, True]
    assert found.is_class("CAR", "sky").tolist() == [True, False, True]
    assert found.is_class(0).tolist() == [True, False, False]
    assert found.is_class("person", 2).tolist() == [False, True, True]
    assert found.is_class().tolist() == [False] * 3
    assert found.is_class("sky").dtype == np.bool_
    assert [one.class_name for one in found[~found.is_class("car")]] == ["person"]


def test_is_class_refuses_what_there_is_not() -> None:
    """An empty answer would hide a slip of the finger."""
    with pytest.raises(SettingError, match="no class `persson`") as caught:
        three().is_class("car", "persson")
    assert caught.value.hint == "did you mean `person`?"
    with pytest.raises(SettingError, match="no class `car`") as caught:
        replace(three(), classes=ClassList()).is_class("car")
    assert "classes=" in (caught.value.hint or "")


def test_names_and_one_line() -> None:
    """The most frequent class first; ids where nobody said the names."""
    found = three()
    assert found.class_names == ("car", "person", "car")
    assert repr(found) == "<Instances 3: 2 car, 1 person>"
    assert repr(found[:0]) == repr(Instances.empty((4, 5))) == "<Instances 0>"
    unnamed = replace(found, classes=ClassList())
    assert unnamed.class_names == ("0", "1", "2")
    assert unnamed[1].class_name == "1"
    assert "\n" not in repr(found) + repr(unnamed)


def test_empty() -> None:
    """All fields have their shapes and dtypes, so that code needs no special case."""
    none = Instances.empty((4, 5), classes=CLASSES)
    assert (len(none), list(none), none.image_size) == (0, [], (4, 5))
    assert (none.boxes.shape, none.boxes.dtype) == ((0, 4), np.float32)
    assert (none.scores.dtype, none.class_ids.dtype) == (np.float32, np.int32)
    assert none.masks.dense().shape == (0, 4, 5)
    assert none.classes is CLASSES
    assert none[none.scores > 0.5].classes is CLASSES
    assert none[[]].class_names == ()
    with pytest.raises(IndexError, match="there is no instance 0 among 0"):
        none[0]
