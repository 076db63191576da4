"""SegmenterConfig are checked where they enter; every refusal has a way out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES

CLASSES = known_classes(TRAIN_NAMES)
SPEC = ModelSpec.from_metadata(
    {"task": "segment", "names": list(TRAIN_NAMES), "imgsz": [384, 640], "stride": 32}, path="m"
)


@given(st.sampled_from(["conf", "iou"]), st.floats())
def test_thresholds_lie_between_0_and_1(name: str, value: float) -> None:
    """All floats there are; NaN and the infinities are among those refused."""
    if 0 <= value <= 1:
        assert getattr(SegmenterConfig(**{name: value}), name) == value
        return
    with pytest.raises(SettingError, match=f"`{name}` is") as caught:
        SegmenterConfig(**{name: value})
    assert caught.value.hint
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("conf", "0.5"),
        ("iou", None),
        ("max_det", 0),
        ("max_det", -1),
        ("max_det", 2.5),
        ("max_det", math.nan),
        ("max_det", "300"),
        ("imgsz", 0),
        ("imgsz", -640),
        ("imgsz", 10**9),
        ("imgsz", 640.0),
        ("imgsz", "640"),
        ("imgsz", (384, 0)),
        ("imgsz", (384,)),
        ("imgsz", (384, 640, 3)),
        ("imgsz", ()),
        ("imgsz", [384, 640]),
        ("classes", ()),
    ],
)
def test_other_kinds_and_ranges(name: str, value: object) -> None:
    """What is no number of the right kind is named, with what would be."""
    with pytest.raises(SettingError, match=f"`{name}` is") as caught:
        SegmenterConfig(**{name: value})
    assert caught.value.hint


def test_numbers_of_numpy_are_numbers() -> None:
    """They come out of people's arrays."""
    settings = SegmenterConfig(conf=np.float32(0.5), max_det=np.int64(3), imgsz=np.int32(64))
    assert settings.input_size(SPEC, static_size=None, where="m") == 64
    wanted = SegmenterConfig(classes=tuple(np.arange(3))).class_ids(CLASSES)
    assert wanted == (0, 1, 2)


@given(st.integers(1, 8192))
def test_sides_are_multiples_of_the_stride(side: int) -> None:
    """Others are refused, and the hint names the nearest that is none of them."""
    settings = SegmenterConfig(imgsz=side)
    if side % 32 == 0:
        assert settings.input_size(SPEC, static_size=None, where="m") == side
        return
    with pytest.raises(SettingError, match=f"`imgsz` is {side}, .* multiple of 32") as caught:
        settings.input_size(SPEC, static_size=None, where="m")
    near = int(str(caught.value.hint).split()[-1])
    assert near % 32 == 0 < near
    assert abs(near - side) <= (16 if side >= 16 else 32)


def test_sizes() -> None:
    """None is what the export was made for; a pair is taken as it is."""
    assert SegmenterConfig().input_size(SPEC, static_size=None, where="m") == 640
    assert SegmenterConfig(imgsz=(64, 96)).input_size(SPEC, static_size=None, where="m") == (64, 96)
    with pytest.raises(SettingError, match="`imgsz` is 100"):
        SegmenterConfig(imgsz=(64, 100)).input_size(SPEC, static_size=None, where="m")


@pytest.mark.parametrize("imgsz", [None, 640, (384, 640)])
def test_static_exports_take_their_size(imgsz: int | tuple[int, int] | None) -> None:
    """Asked for by nobody, by the long side, or as a pair."""
    settings = SegmenterConfig(imgsz=imgsz)
    assert settings.input_size(SPEC, static_size=(384, 640), where="m") == (384, 640)


@pytest.mark.parametrize("imgsz", [320, 384, (640, 384), (384, 672)])
def test_static_exports_refuse_others(imgsz: int | tuple[int, int]) -> None:
    """The message names the size that there is."""
    with pytest.raises(SettingError, match="`m` only takes 384 x 640 pixels") as caught:
        SegmenterConfig(imgsz=imgsz).input_size(SPEC, static_size=(384, 640), where="m")
    assert "dynamic=True" in str(caught.value.hint)


@given(st.lists(st.integers(0, 18), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_classes_by_name_and_number(ids: list[int], chance: object) -> None:
    """Names in any case, numbers, and numbers as text mean the same."""
    spell = (
        lambda i: i,
        str,
        lambda i: TRAIN_NAMES[i],
        lambda i: TRAIN_NAMES[i].upper(),
    )
    names = tuple(chance.choice(spell)(i) for i in ids)
    found = SegmenterConfig(classes=names).class_ids(CLASSES)
    assert found == tuple(ids)


@pytest.mark.parametrize("number", [-1, 19, 20, -(10**6), "20000", "-2"])
def test_numbers_out_of_range(number: int | str) -> None:
    """The message names the range, the hint the names."""
    with pytest.raises(SettingError, match=f"no class {number}; the model has 0 to 18") as caught:
        SegmenterConfig(classes=(number,)).class_ids(CLASSES)
    assert "road" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("wish", "near"),
    [("caar", "car"), ("Trafic Sign", "traffic sign"), ("bycicle", "bicycle"), ("busses", "bus")],
)
def test_near_names_are_offered(wish: str, near: str) -> None:
    """A slip of the finger gets the name that was meant."""
    with pytest.raises(SettingError, match=f"no class `{wish}`") as caught:
        SegmenterConfig(classes=(wish,)).class_ids(CLASSES)
    assert f"`{near}`" in str(caught.value.hint)


@pytest.mark.parametrize("wish", ["", "zzzz", "²", "1e3", "9" * 5000])
def test_far_names_get_the_list(wish: str) -> None:
    """Without a neighbour the hint names all of them."""
    with pytest.raises(SettingError, match="no class") as caught:
        SegmenterConfig(classes=(wish,)).class_ids(CLASSES)
    assert ", ".join(TRAIN_NAMES) in str(caught.value.hint)


def test_no_wish_is_no_filter() -> None:
    """None stands for all classes."""
    assert SegmenterConfig().class_ids(CLASSES) is None
