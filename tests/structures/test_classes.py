"""Class lists: names, kinds and colors by class id, and names looked up as people type them."""

from __future__ import annotations

import colorsys
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.errors import SettingError, ShapeError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import TRAIN_LABELS, TRAIN_NAMES
from urban_segmentor.structures.classes import ClassInfo, ClassList, nth_hue

STREET = ClassList.from_names(["car", "Sky", "car", "7"], is_thing=[True, False, True, True])


def test_it_is_a_sequence_of_classes() -> None:
    """Length, iteration, positions, slices and membership."""
    assert len(STREET) == 4
    assert [info.name for info in STREET] == list(STREET.names) == ["car", "Sky", "car", "7"]
    assert STREET[1] == ClassInfo(name="Sky", is_thing=False, color=nth_hue(1))
    assert STREET[-1].name == "7"
    assert STREET[:2] == ClassList(STREET.infos[:2])
    assert STREET[1] in STREET
    assert "Sky" in STREET
    assert "sky" not in STREET
    assert 1 not in STREET
    with pytest.raises(IndexError):
        STREET[4]


def test_columns_are_arrays() -> None:
    """By class id, with their shapes also where there is none."""
    assert STREET.is_thing.tolist() == [True, False, True, True]
    assert (STREET.colors.shape, STREET.colors.dtype) == ((4, 3), np.uint8)
    assert tuple(STREET.colors[2].tolist()) == STREET[2].color
    none = ClassList()
    assert (none.names, none.is_thing.shape, none.colors.shape) == ((), (0,), (0, 3))
    assert none.is_thing.dtype == np.bool_
    assert not none


def test_content_decides() -> None:
    """Equal lists are one key of a cache, and survive another process."""
    same = ClassList.from_names(["car", "Sky", "car", "7"], is_thing=[True, False, True, True])
    assert same == STREET
    assert hash(same) == hash(STREET)
    assert pickle.loads(pickle.dumps(STREET)) == STREET  # noqa: S301 - our own
    other = ClassList.from_names(["car", "Sky", "car", "7"])
    assert other != STREET
    assert other.is_thing.all()
    colored = ClassList.from_names(["car"], colors=[(1, 2, 3)])
    assert colored[0].color == (1, 2, 3)
    assert colored != ClassList.from_names(["car"])


@pytest.mark.parametrize("columns", [{"is_thing": [True]}, {"colors": [(1, 2, 3)] * 3}])
def test_columns_of_another_length_are_refused(columns: dict[str, list[object]]) -> None:
    """A kind or a color would be that of a neighbor."""
    with pytest.raises(ValueError, match="argument"):
        ClassList.from_names(["car", "sky"], **columns)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("car", (0, 2)),
        (" CAR ", (0, 2)),
        ("sky", (1,)),
        (1, (1,)),
        ("1", (1,)),
        (np.int64(2), (2,)),
        ("7", (3,)),  # a name comes before a number
    ],
)
def test_names_and_numbers_are_found(name: str | int, ids: tuple[int, ...]) -> None:
    """Names in any case, each class of a name that repeats; numbers where none is so called."""
    assert STREET.ids_of(name) == ids


def test_exact_names_come_first() -> None:
    """Two classes may differ in case alone."""
    both = ClassList.from_names(["Car", "car"])
    assert both.ids_of("car") == (1,)
    assert both.ids_of("Car") == (0,)
    assert both.ids_of("CAR") == (0, 1)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("kar", "there is no class `kar`", "did you mean `car`?"),
        ("zzz", "there is no class `zzz`", "the model knows: car, Sky, 7"),
        (4, "there is no class 4; the model has 0 to 3", "the model knows: car"),
        (7, "there is no class 7; the model has 0 to 3", "the model knows: car"),
        (-1, "there is no class -1", "the model knows: car"),
    ],
)
def test_what_there_is_not_is_refused(name: str | int, message: str, hint: str) -> None:
    """With the name that was meant, or those that there are."""
    with pytest.raises(SettingError, match=message) as caught:
        STREET.ids_of(name)
    assert str(caught.value.hint).startswith(hint)


def test_a_long_list_is_cut_in_hints() -> None:
    """Nobody reads a thousand names."""
    many = ClassList.from_names([f"name {i}" for i in range(1000)])
    with pytest.raises(SettingError) as caught:
        many.ids_of("?")
    assert str(caught.value.hint).endswith("name 29, ...")


def test_names_beyond_the_list_are_numbers() -> None:
    """Also of a negative id, which would be a name from the end."""
    assert [STREET.name_of(i) for i in (0, 3, 4, -1)] == ["car", "7", "4", "-1"]


@pytest.mark.parametrize("ids", [[-1], [0, 4], [2**40]])
def test_ids_that_are_not_in_the_list_are_refused(ids: list[int]) -> None:
    """Named with what the list has; without a list, the hint tells how to give one."""
    STREET.check_ids(np.array([0, 3], dtype=np.int32))
    with pytest.raises(ShapeError, match=rf"must lie in 0\.\.3, got {ids[-1]}") as caught:
        STREET.check_ids(np.array(ids))
    assert "car" in str(caught.value.hint)
    with pytest.raises(ShapeError, match="must belong to a class") as caught:
        ClassList().check_ids(np.array(ids))
    assert "classes=" in str(caught.value.hint)


def test_well_known_names_have_their_kind_and_color() -> None:
    """Those of Cityscapes; all others are things."""
    classes = known_classes([*TRAIN_NAMES, "giraffe"])
    for info, label in zip(classes, TRAIN_LABELS, strict=False):
        assert (info.name, info.is_thing, info.color) == (label.name, label.is_thing, label.color)
    assert classes[-1].is_thing


@given(st.integers(0, 500))
def test_neighbors_have_hues_apart(number: int) -> None:
    """At least a tenth of a turn."""
    hues = [colorsys.rgb_to_hsv(*(c / 255 for c in nth_hue(i)))[0] for i in (number, number + 1)]
    apart = abs(hues[0] - hues[1])
    assert min(apart, 1 - apart) > 0.1
