"""What other tools are given says the same as the instances, and comes back as they were."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tests.strategies import instances, mask_stacks
from urban_segmentor.errors import (
    DatasetError,
    MissingLibraryError,
    SettingError,
    ShapeError,
)
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks
from urban_segmentor.structures.polygons import polygons_to_mask, rings_to_crop

CLASSES = ClassList.from_names([*"abcdefg", "traffic light"], is_thing=[True] * 7 + [False])


@st.composite
def described(draw: st.DrawFn) -> Instances:
    """Instances with all that they can have: odd boxes, tracks, extra columns, class names."""
    found = draw(instances())
    n = len(found)
    return replace(
        found,
        boxes=draw(hnp.arrays(np.float32, (n, 4), elements=st.floats(-9, 99, width=32))),
        track_ids=draw(st.none() | hnp.arrays(np.int32, n, elements=st.integers(0, 2**31 - 1))),
        extra={
            "speed_mps": draw(hnp.arrays(np.float64, n, elements=st.floats(0, 50))),
            "position": draw(hnp.arrays(np.float32, (n, 2), elements=st.floats(0, 9, width=32))),
        },
        classes=CLASSES,
    )


def assert_equal(found: Instances, wanted: Instances) -> None:
    """Compare everything that instances have."""
    assert found.image_size == wanted.image_size
    assert found.classes == wanted.classes
    np.testing.assert_array_equal(found.boxes, wanted.boxes)
    np.testing.assert_array_equal(found.masks.dense(), wanted.masks.dense())
    np.testing.assert_array_equal(found.scores, wanted.scores)
    np.testing.assert_array_equal(found.class_ids, wanted.class_ids)
    assert (found.track_ids is None) == (wanted.track_ids is None)
    if found.track_ids is not None and wanted.track_ids is not None:
        np.testing.assert_array_equal(found.track_ids, wanted.track_ids)
    assert found.extra.keys() == wanted.extra.keys()
    for name, values in found.extra.items():
        np.testing.assert_array_equal(values, wanted.extra[name])


def one(dense: NDArray[np.bool_], **fields: Any) -> Instances:  # noqa: ANN401 - of instances
    """Return instances of masks, bool (N, H, W)."""
    masks = Masks.from_dense(dense)
    n = len(masks)
    values: dict[str, Any] = {
        "boxes": masks.rectangles(),
        "masks": masks,
        "scores": np.full(n, 0.5, dtype=np.float32),
        "class_ids": np.arange(n, dtype=np.int32),
    }
    return Instances(**values | fields)


@given(instances())
def test_polygons_give_the_masks_back(found: Instances) -> None:
    """One list an instance, the same as its mask gives alone."""
    polygons = found.polygons()
    assert len(polygons) == len(found)
    for rings, instance, mask in zip(polygons, found, found.masks.dense(), strict=True):
        np.testing.assert_array_equal(polygons_to_mask(rings, image_size=mask.shape), mask)
        alone = instance.mask.polygons()
        assert [ring.tolist() for ring in rings] == [ring.tolist() for ring in alone]
        assert all(ring.dtype == np.float32 for ring in rings)


@given(st.lists(hnp.arrays(np.float64, st.tuples(st.integers(0, 6), st.just(2)),
                           elements=st.floats(-20, 40)), max_size=3),
       st.integers(1, 20), st.integers(1, 20))  # fmt: skip
def test_crops_of_rings_are_their_masks(
    rings: list[NDArray[np.float64]], height: int, width: int
) -> None:
    """Painting only the rectangle of the rings paints the same pixels."""
    size = (height, width)
    narrow = [ring.astype(np.float32) for ring in rings]
    crop, (x, y) = rings_to_crop(narrow, image_size=size)
    mask = np.zeros(size, dtype=np.bool_)
    mask[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    np.testing.assert_array_equal(mask, polygons_to_mask(narrow, image_size=size))


@given(described())
def test_supervision_and_back(found: Instances) -> None:
    """Nothing is lost, and a list of the classes can be made of their names."""
    detections = found.to_supervision()
    size = found.image_size
    assert_equal(Instances.from_supervision(detections, image_size=size, classes=CLASSES), found)
    assert_equal(Instances.from_supervision(detections, classes=CLASSES), found)
    assert Instances.from_supervision(detections).class_names == found.class_names


@given(described())
def test_supervision_sees_what_was_found(found: Instances) -> None:
    """Its own areas, rows and selections are those of the instances."""
    import supervision as sv

    detections = found.to_supervision()
    assert isinstance(detections, sv.Detections)
    assert isinstance(detections.mask, np.ndarray)
    assert len(detections) == len(found)
    if len(found):
        assert detections.area.tolist() == found.masks.areas().tolist()
    rows = zip(detections, found, strict=True)
    for (xyxy, mask, confidence, class_id, tracker_id, data), instance in rows:
        assert tuple(xyxy) == instance.box
        np.testing.assert_array_equal(mask, instance.mask.dense())
        assert confidence == np.float32(instance.score)
        assert (class_id, tracker_id) == (instance.class_id, instance.track_id)
        assert data["class_name"] == instance.class_name
        assert data["speed_mps"] == instance.extra["speed_mps"]
    last = detections[::-1]
    assert isinstance(last, sv.Detections)
    assert_equal(Instances.from_supervision(last, classes=CLASSES), found[::-1])


def test_supervision_may_write_into_its_arrays() -> None:
    """They are copies, so the instances stay as they are."""
    found = one(np.ones((1, 2, 3), dtype=np.bool_), extra={"speed": np.ones(1)})
    detections = found.to_supervision()
    detections.xyxy += 1
    assert detections.confidence is not None
    detections.confidence *= 2
    detections["speed"][0] = 7
    assert found.boxes.tolist() == [[0, 0, 3, 2]]
    assert (found.scores[0], found.extra["speed"][0]) == (0.5, 1)
    back = Instances.from_supervision(detections)
    detections.xyxy += 1
    assert back.boxes.tolist() == [[1, 1, 4, 3]]


@given(mask_stacks())
def test_compact_masks_of_supervision_are_read(stack: NDArray[np.bool_]) -> None:
    """As the dense ones that they stand for."""
    import supervision as sv

    found = one(stack)
    inside = np.clip(found.boxes, 0, np.tile(np.array(found.image_size[::-1]) - 1, 2))
    compact = sv.CompactMask.from_dense(stack, xyxy=inside, image_shape=found.image_size)
    detections = sv.Detections(xyxy=found.boxes, mask=compact, class_id=found.class_ids)
    back = Instances.from_supervision(detections)
    np.testing.assert_array_equal(back.masks.dense(), compact.to_dense())
    assert back.image_size == found.image_size


def test_detections_without_masks_say_how_to_go_on() -> None:
    """Boxes are no masks; supervision can make some of them, which are then read."""
    import supervision as sv

    detections = sv.Detections(xyxy=np.array([[1.0, 2, 4, 5]]), class_id=np.array([0]))
    with pytest.raises(SettingError, match="1 detections have boxes and no masks") as caught:
        Instances.from_supervision(detections)
    assert "xyxy_to_mask" in str(caught.value.hint)
    detections.mask = sv.xyxy_to_mask(detections.xyxy, (8, 6))
    assert Instances.from_supervision(detections).image_size == (6, 8)


def test_what_supervision_leaves_out_is_asked_for() -> None:
    """Class ids and sizes have no default; scores are 1 and names come from anywhere."""
    import supervision as sv

    dense = np.ones((2, 2, 3), dtype=np.bool_)
    boxes = np.array([[0.0, 0, 3, 2]] * 2)
    with pytest.raises(SettingError, match="no `class_id`"):
        Instances.from_supervision(sv.Detections(xyxy=boxes, mask=dense))
    with pytest.raises(SettingError, match="size of the image"):
        Instances.from_supervision(sv.Detections.empty())
    assert Instances.from_supervision(sv.Detections.empty(), image_size=(4, 5)).image_size == (4, 5)
    whole = sv.Detections(xyxy=boxes, mask=dense, class_id=np.array([3, 1]))
    with pytest.raises(ShapeError, match=r"\(2, 3\), `image_size` is \(3, 2\)"):
        Instances.from_supervision(whole, image_size=(3, 2))
    found = Instances.from_supervision(whole)
    assert found.scores.tolist() == [1, 1]
    assert found.class_names == ("3", "1")
    whole.data = {"class_name": ["dog", "cat"], "tags": [["a"], ["b", "c"]]}
    found = Instances.from_supervision(whole)
    assert found.classes.names == ("0", "cat", "2", "dog")
    assert found.extra["tags"].tolist() == [["a"], ["b", "c"]]
    whole.class_id = np.array([2**31, 1])
    with pytest.raises(ShapeError, match="`class_id` must be whole numbers"):
        Instances.from_supervision(whole)


@pytest.mark.parametrize(
    ("class_ids", "names", "says"),
    [([1, 1], ["dog", "cat"], "called `dog` as well as `cat`"), ([-1, 1], ["a", "b"], "id -1")],
)
def test_names_that_make_no_list_are_refused(
    class_ids: list[int], names: list[str], says: str
) -> None:
    """A class list says what to call each id, once."""
    import supervision as sv

    detections = sv.Detections(
        xyxy=np.zeros((2, 4)),
        mask=np.ones((2, 2, 3), dtype=np.bool_),
        class_id=np.array(class_ids),
        data={"class_name": np.array(names)},
    )
    with pytest.raises(SettingError, match=says):
        Instances.from_supervision(detections)
    found = Instances.from_supervision(detections, classes=CLASSES)
    assert found.class_ids.tolist() == class_ids


@given(described())
def test_data_frames_have_a_row_an_instance(found: Instances) -> None:
    """Every value can be had by the name of its column, at full precision."""
    table = found.to_dataframe()
    tracked = [] if found.track_ids is None else ["track_id"]
    assert list(table.columns) == [
        *("class_name", "class_id", "score", "x1", "y1", "x2", "y2", "area_px"),
        *tracked,
        *("speed_mps", "position_0", "position_1"),
    ]
    assert table["class_name"].tolist() == list(found.class_names)
    assert table["class_id"].tolist() == found.class_ids.tolist()
    assert table["score"].tolist() == found.scores.tolist()
    assert table[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == found.boxes.tolist()
    assert table["area_px"].tolist() == found.masks.areas().tolist()
    if found.track_ids is not None:
        assert table["track_id"].tolist() == found.track_ids.tolist()
    assert table["speed_mps"].tolist() == found.extra["speed_mps"].tolist()
    positions = table[["position_0", "position_1"]].to_numpy()
    assert positions.tolist() == found.extra["position"].tolist()


@given(instances())
def test_columns_have_one_type_however_many_rows(found: Instances) -> None:
    """Tables of frames with and without instances fit below one another."""
    import pandas as pd

    none = found[:0].to_dataframe()
    assert none.dtypes.equals(found.to_dataframe().dtypes)
    both = pd.concat([found.to_dataframe(), none])
    assert both.dtypes.equals(none.dtypes)


def test_a_column_is_not_written_over() -> None:
    """Extra values with the name of a column are refused, here as there."""
    dense = np.ones((1, 2, 3), dtype=np.bool_)
    with pytest.raises(SettingError, match="`score`"):
        one(dense, extra={"score": np.ones(1)}).to_dataframe()
    with pytest.raises(SettingError, match="`class_name`"):
        one(dense, extra={"class_name": np.ones(1)}).to_supervision()
    twice = {"at_0": np.ones(1), "at": np.ones((1, 2))}
    with pytest.raises(SettingError, match="`at_0`"):
        one(dense, extra=twice).to_dataframe()


@pytest.mark.parametrize(("library", "call"), [("pandas", "to_dataframe"),
                                               ("supervision", "to_supervision")])  # fmt: skip
def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, library: str, call: str
) -> None:
    """With the line that installs it, and as the ImportError that it is."""
    monkeypatch.setitem(sys.modules, library, None)
    found = Instances.empty((4, 5))
    with pytest.raises(MissingLibraryError, match=f"`{library}`") as caught:
        getattr(found, call)()
    assert caught.value.hint == f"pip install {library}"
    assert isinstance(caught.value, ImportError)


@given(instances())
def test_yolo_and_back(found: Instances) -> None:
    """Masks and classes are the same; what has no pixels has no line."""
    lines = found.to_yolo()
    solid = found[found.masks.areas() > 0]
    assert len(lines) == len(solid)
    assert not any("\n" in line for line in lines)
    size = found.image_size
    back = Instances.from_yolo(lines, image_size=size, classes=CLASSES)
    np.testing.assert_array_equal(back.masks.dense(), solid.masks.dense())
    np.testing.assert_array_equal(back.class_ids, solid.class_ids)
    assert back.scores.tolist() == [1.0] * len(solid)
    assert back.classes == CLASSES
    text = "".join(f"{line}\n" for line in lines) + "\n"
    assert_equal(Instances.from_yolo(text, image_size=size, classes=CLASSES), back)


def test_boxes_of_yolo_are_those_of_the_masks() -> None:
    """The format has none."""
    line = "3 0.25 0.2 0.5 0.2 0.5 0.6 0.25 0.6"
    found = Instances.from_yolo([line], image_size=(10, 20))
    assert found.boxes.tolist() == [[5, 2, 11, 7]]
    assert found.class_names == ("3",)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 0.5 0.5 0.2 0.2", "line 2 has a box"),
        ("0 0 0 1 0 1", "5 numbers after the class id"),
        ("0 0 0 1 0 1 1 0.9", "7 numbers after the class id"),
        ("0", "0 numbers after the class id"),
        ("0 a b c d e f", "no number"),
        ("car 0 0 1 0 1 1", "begins with 'car'"),
        ("-1 0 0 1 0 1 1", "begins with '-1'"),
        ("1.0 0 0 1 0 1 1", "begins with '1.0'"),
        ("9999999999 0 0 1 0 1 1", "begins with"),
        ("² 0 0 1 0 1 1", "begins with"),
        ("0 nan 0 1 0 1 1", "no part of the image's side"),
        ("0 1e9 0 1 0 1 1", "no part of the image's side"),
        ("8 0 0 1 0 1 1", "the class 8, `classes` has 0 to 7"),
    ],
)
def test_lines_that_are_no_outlines_are_named(line: str, says: str) -> None:
    """What was found, in which line, and what to do."""
    lines = ["0 0 0 1 0 1 1", line]
    with pytest.raises(DatasetError, match=says) as caught:
        Instances.from_yolo(lines, image_size=(4, 5), classes=CLASSES)
    assert caught.value.hint


@given(hnp.arrays(np.uint8, st.tuples(st.integers(0, 9), st.integers(0, 9), st.just(3))))
def test_frames_of_opencv_are_turned_into_rgb(bgr: NDArray[np.uint8]) -> None:
    """Red and blue change places, and the array stays the caller's."""
    frame = Frame.from_bgr(bgr, index=3, time_s=0.5, source="camera", name="x", file_name="x.png")
    np.testing.assert_array_equal(frame.image, bgr[..., ::-1])
    assert (frame.index, frame.time_s, frame.source, frame.name) == (3, 0.5, "camera", "x")
    assert frame.file_name == "x.png"
    before = frame.image.copy()
    bgr[:] = 255 - bgr
    np.testing.assert_array_equal(frame.image, before)


def test_gray_images_of_opencv_are_repeated() -> None:
    """As `cv2.imread` gives them with a flag; other shapes and dtypes are refused."""
    gray = np.arange(20, dtype=np.uint8).reshape(4, 5)
    np.testing.assert_array_equal(Frame.from_bgr(gray).image, np.stack([gray] * 3, axis=2))
    assert Frame.from_bgr(gray[:0]).size == (0, 5)
    for wrong in (gray[..., None].repeat(4, axis=2), gray[0], gray.astype(np.uint16)):
        with pytest.raises(ShapeError, match=r"`image` must be uint8 \(\*, \*"):
            Frame.from_bgr(wrong)  # pyright: ignore[reportArgumentType]
