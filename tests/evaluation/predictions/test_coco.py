"""COCO files of other tools: whole files and lists, and all that can be wrong with them."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.predictions import results
from tests.evaluation.predictions.results import SIZE, STEM, as_json, coco, image, result
from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions import open_predictions
from urban_segmentor.evaluation.predictions.coco_index import parse_index
from urban_segmentor.evaluation.predictions.resizing import MAX_PIXELS

if TYPE_CHECKING:
    from urban_segmentor.structures.instances import Instances

ANNOTATIONS = {"images": [image()], "categories": results.CATEGORIES, "annotations": [{}]}
SQUARE = [10, 10, 20, 10, 20, 20, 10, 20]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def _list(folder: Path, *entries: object) -> Instances:
    """Return what is read from a list of results."""
    annotations = as_json(folder / "instances_val.json", ANNOTATIONS)
    path = as_json(folder / "found.json", entries)
    found = open_predictions(path, annotations=annotations).of(STEM, size=SIZE).instances
    assert found is not None
    return found


def _refused(folder: Path, content: object, *, size: tuple[int, int] = SIZE) -> PredictionError:
    """Return why a whole file is refused, when it is opened or when its picture is wanted."""
    path = as_json(folder / "found.json", content)
    with pytest.raises(PredictionError) as refusal:
        open_predictions(path).of(STEM, size=size)
    assert "found.json" in str(refusal.value)
    assert refusal.value.hint
    return refusal.value


def test_a_list_means_what_the_annotations_say(tmp_path: Path) -> None:
    """Ids of pictures and classes, score, box and mask."""
    found = _list(tmp_path, result(category_id=7), result(score=1, bbox=None))

    np.testing.assert_array_equal(found.masks.dense(), np.stack([results.mask()] * 2))
    np.testing.assert_array_equal(found.class_ids, [1, 0])
    np.testing.assert_array_equal(found.scores, np.float32([0.75, 1]))
    np.testing.assert_array_equal(found.boxes, [[10, 5, 40, 20], [10, 5, 40, 20]])


@pytest.mark.parametrize(
    "image_id",
    [STEM, f"{STEM}_leftImg8bit", f"val\\ulm\\{STEM}_leftImg8bit.png", f"{STEM}.jpg"],
)
def test_an_image_id_may_be_a_name(tmp_path: Path, image_id: str) -> None:
    """As Ultralytics writes it for files whose names are no numbers."""
    assert len(_list(tmp_path, result(image_id=image_id))) == 1


def test_names_need_not_stand_in_the_annotations(tmp_path: Path) -> None:
    """Then only the categories are taken from there."""
    annotations = as_json(tmp_path / "instances_val.json", ANNOTATIONS)
    path = as_json(tmp_path / "found.json", [result(image_id="ulm_000000_000020")])
    saved = open_predictions(path, annotations=annotations)

    assert saved.stems == {STEM, "ulm_000000_000020"}
    assert saved.class_names == ("car", "person", "kite")
    nothing = saved.of(STEM, size=SIZE).instances
    assert nothing is not None
    assert len(nothing) == 0
    assert nothing.masks.image_size == SIZE


def test_a_list_needs_annotations(tmp_path: Path) -> None:
    """The hint says where they come from; a list of nothing is none."""
    path = as_json(tmp_path / "found.json", [result()])
    with pytest.raises(PredictionError, match="list of results") as refusal:
        open_predictions(path)
    assert refusal.value.hint is not None
    assert "--annotations" in refusal.value.hint

    with pytest.raises(PredictionError, match="no predictions at all"):
        open_predictions(as_json(path, []), annotations=path)
    with pytest.raises(PredictionError, match="no file"):
        open_predictions(as_json(path, [result()]), annotations=tmp_path / "none.json")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """As some editors and tools on Windows write."""
    path = as_json(tmp_path / "found.json", coco())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert open_predictions(path).stems == {STEM}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{", "cannot be read as JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b'{"annotations": [' + b"9" * 5000 + b"]}", "cannot be read as JSON"),
        (b"3", "no list `annotations`"),
        (b'"text"', "no list `annotations`"),
        (b"{}", "no list `annotations`"),
        (b'{"annotations": {}}', "no list `annotations`"),
        (b'{"annotations": []}', "`categories` is missing"),
    ],
)
def test_what_is_no_coco_file_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """Cut off, of another format, nested without end."""
    path = tmp_path / "found.json"
    path.write_bytes(data)
    with pytest.raises(PredictionError, match=message) as refusal:
        open_predictions(path)
    assert refusal.value.hint


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """And one that nobody can mean to read, found by its length."""
    with pytest.raises(PredictionError, match="there is no file"):
        open_predictions(tmp_path / "found.json")
    path = tmp_path / "found.json"
    with path.open("wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(PredictionError, match="at most 2147483648 are read"):
        open_predictions(path)


CAR = results.CATEGORIES[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": None}, "`categories` is missing, expected a list"),
        ({"categories": [3]}, "category 0 is 3, expected an object"),
        ({"categories": [{"id": 1}]}, "category 0: `name` is missing"),
        ({"categories": [{"id": "1", "name": "car"}]}, "category 0: `id` is '1', expected a whole"),
        ({"categories": [{"id": True, "name": "car"}]}, "category 0: `id` is True"),
        ({"categories": [{"id": 1, "name": ""}]}, "category 0: `name` is '', expected a text"),
        ({"categories": [{"id": 1, "name": "\ud800"}]}, "category 0: `name` is '.ud800'"),
        ({"categories": [{"id": 1, "name": "\x1b[2J"}]}, r"category 0: `name` is '.x1b\[2J'"),
        ({"categories": [CAR, CAR]}, "category 1 has the id 3 a second time"),
        ({"categories": [{"id": 3, "name": "Auto"}]}, "has no class of Cityscapes, but `Auto`"),
        ({"images": None}, "`images` is missing, expected a list"),
        ({"images": []}, "has no images"),
        ({"images": ["x"]}, "image 0 is 'x', expected an object"),
        ({"images": [image(id=None)]}, "image 0: `id` is missing"),
        ({"images": [image(id=1.5)]}, "image 0: `id` is 1.5, expected a whole number"),
        ({"images": [image(file_name=None)]}, "image 0: `file_name` is missing"),
        ({"images": [image(file_name=["x"])]}, "image 0: `file_name` is a list"),
        ({"images": [image(), image(file_name="b.png")]}, "image 1 has the id 17 a second time"),
        ({"images": [image(), image(id=18)]}, f"image 1 has the picture `{STEM}` a second time"),
        ({"images": [image(height=0)]}, "has the width 60 and the height 0"),
        ({"images": [image(width="60")]}, "has the width '60' and the height 40"),
        ({"images": [image(width=2**40)]}, f"at most {MAX_PIXELS} pixels together"),
    ],
)
def test_images_and_classes_are_checked(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """Wrong types at every level, things that stand twice, classes of other data."""
    refusal = _refused(tmp_path, coco(**changes))
    with pytest.raises(PredictionError, match=message):
        raise refusal


def test_names_may_repeat(tmp_path: Path) -> None:
    """Two categories of one name are two classes, as in the class list that they come from."""
    names = ((3, "car"), (4, "car"), (7, "person"))
    categories = [{"id": number, "name": name} for number, name in names]
    index = parse_index(coco(categories=categories), path=tmp_path / "coco.json")
    assert index.categories.names == ("car", "car", "person")
    assert index.categories.class_ids == {3: 0, 4: 1, 7: 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_id": 99}, "prediction 0 has the image id 99, which"),
        ({"image_id": None}, "`image_id` is missing"),
        ({"image_id": [17]}, "`image_id` is a list"),
        ({"image_id": 10**80}, "has the image id a huge number"),
        ({"category_id": 4}, "prediction 0 has the category id 4, not one of .*: 3, 7, 9"),
        ({"category_id": "car"}, "`category_id` is 'car', expected a whole number"),
        ({"category_id": 3.0}, "`category_id` is 3.0, expected a whole number"),
        ({"score": None}, "prediction 0 has no score: the file seems to be ground truth"),
        ({"score": float("nan")}, "`score` is nan, expected a number from 0 to 1"),
        ({"score": float("inf")}, "`score` is inf, expected"),
        ({"score": -0.1}, "`score` is -0.1, expected"),
        ({"score": 87.5}, "`score` is 87.5, expected"),
        ({"score": 10**400}, "`score` is a huge number"),
        ({"score": True}, "`score` is True, expected"),
        ({"score": "0.5"}, "`score` is '0.5', expected"),
        ({"bbox": [1, 2, 3]}, "`bbox` is a list, expected x, y, width and height"),
        ({"bbox": [1, 2, 3, "4"]}, "`bbox` is a list, expected"),
        ({"bbox": [1, 2, 3, -4]}, "`bbox` is a list, expected"),
        ({"bbox": [1, float("nan"), 3, 4]}, "`bbox` is a list, expected"),
        ({"bbox": [1e300, 2, 3, 4]}, "`bbox` is a list, expected"),
        ({"bbox": "1 2 3 4"}, "`bbox` is '1 2 3 4', expected"),
        ({"segmentation": None}, "prediction 0 has no mask"),
        ({"segmentation": []}, "prediction 0 has no mask"),
        ({"segmentation": "x"}, "segmentation 'x', expected polygons"),
        ({"segmentation": {"size": [40, 60]}}, "segmentation an object, expected polygons"),
        ({"segmentation": {"counts": "x"}}, "run lengths of the size missing"),
        ({"segmentation": {"counts": "x", "size": [40]}}, "of the size 40, expected height"),
        ({"segmentation": {"counts": "x", "size": [None, None]}}, "of the size missing, missing"),
        ({"segmentation": {"counts": "x", "size": [40.0, 60]}}, "of the size 40.0, 60"),
        ({"segmentation": {"counts": "x", "size": [2**20, 2**20]}}, "pixels together"),
        ({"segmentation": {"counts": "x", "size": [40, 60]}}, "damaged mask"),
        ({"segmentation": {"counts": "", "size": [40, 60]}}, "damaged mask"),
        (
            {"segmentation": {"counts": "0" * 20_000, "size": [40, 60]}},
            "more run lengths than its picture",
        ),
        ({"segmentation": {"counts": [40, 60], "size": [40, 60]}}, "add up to .* 2400, got 100"),
        ({"segmentation": {"counts": [2401, -1], "size": [40, 60]}}, "damaged mask"),
        ({"segmentation": {"counts": [2**62] * 4, "size": [40, 60]}}, "damaged mask"),
        ({"segmentation": {"counts": [0] * 3000, "size": [40, 60]}}, "damaged mask"),
        ({"segmentation": {"counts": [], "size": [40, 60]}}, "got 0"),
        ({"segmentation": {"counts": [2**70], "size": [40, 60]}}, "or run lengths"),
        ({"segmentation": {"counts": [2400.0], "size": [40, 60]}}, "or run lengths"),
        ({"segmentation": SQUARE}, "polygon with 10 in it, expected a list"),
        ({"segmentation": [SQUARE, [1, 2, 3, 4]]}, "polygon of 4 values"),
        ({"segmentation": [SQUARE[:-1]]}, "polygon of 7 values"),
        ({"segmentation": [[str(one) for one in SQUARE]]}, "polygon with a list in it"),
        ({"segmentation": [[*SQUARE, 10**400, 1]]}, "polygon with a list in it"),
        ({"segmentation": [[*SQUARE, float("nan"), 1]]}, "not finite, or beyond 1048576"),
        ({"segmentation": [[*SQUARE, 1e9, 1]]}, "not finite, or beyond 1048576"),
        ({"segmentation": [[0, 0, 1e6, 0, 1e6, 1e6]] * 2}, "6000000 pixels long, at most 4194304"),
    ],
)
def test_every_prediction_is_checked(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """Ids that do not exist, scores that are none, masks that are damaged or claim too much."""
    refusal = _refused(tmp_path, coco(annotations=[result(**changes)]))
    with pytest.raises(PredictionError, match=message):
        raise refusal


def _places(content: object) -> list[tuple[Any, Any]]:
    """Return every place in a JSON value: what it is in, and its key there."""
    if isinstance(content, dict):
        own: list[tuple[Any, Any]] = [(content, key) for key in content]
    else:
        own = [(content, key) for key in range(len(content))] if isinstance(content, list) else []
    return own + [place for holder, key in own for place in _places(holder[key])]


@given(st.data())
def test_whatever_stands_anywhere_is_refused_or_read(data: st.DataObject) -> None:
    """No value at any place makes anything but a deliberate failure."""
    masks = [{"size": [40, 60], "counts": [30, 50, 2320]}, [SQUARE], results.rle(results.mask())]
    entries = [result(segmentation=mask) for mask in masks]
    segments = [{"id": 26001, "category_id": 26, "score": 0.5}]
    found = {"image_id": STEM, "file_name": f"{STEM}.png", "segments_info": segments}
    content = data.draw(st.sampled_from([coco(annotations=entries), {"annotations": [found]}]))
    content = json.loads(json.dumps(content))
    holder, key = data.draw(st.sampled_from(_places(content)))
    holder[key] = data.draw(ANYTHING)

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "found").mkdir()
        path = as_json(Path(folder, "found.json"), content)
        with contextlib.suppress(PredictionError):
            saved = open_predictions(path)
            assert saved.stems
            for stem in saved.stems:
                saved.of(stem, size=SIZE)


def test_an_annotation_must_be_an_object(tmp_path: Path) -> None:
    """Not a list, not nothing."""
    for entry in (None, [], 3):
        assert "expected an object" in str(_refused(tmp_path, coco(annotations=[entry])))


def test_a_image_of_which_nothing_is_said_is_refused(tmp_path: Path) -> None:
    """It is not the same as one in which nothing was found."""
    saved = open_predictions(as_json(tmp_path / "found.json", coco()))
    with pytest.raises(PredictionError, match="does not speak of `ulm_000000_000020`"):
        saved.of("ulm_000000_000020", size=SIZE)


def test_another_size_is_refused(tmp_path: Path) -> None:
    """Of the picture, or of one mask; with the way out."""
    refusal = _refused(tmp_path, coco(), size=(80, 120))
    assert f"`{STEM}`" in str(refusal)
    assert "60 x 40 pixels, the ground truth 120 x 80" in str(refusal)
    assert refusal.hint is not None
    assert "--resize" in refusal.hint

    content = coco(images=[image(height=80, width=120)])
    assert "prediction 0 has 60 x 40" in str(_refused(tmp_path, content, size=(80, 120)))


def test_masks_that_would_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short text can be a mask of the whole picture, and a file can hold millions of them."""
    monkeypatch.setattr("urban_segmentor.evaluation.predictions.collector.MAX_MASK_PIXELS", 10_000)
    whole = {"size": [40, 60], "counts": [0, 2400]}
    entries = [result(segmentation=whole)] * 4
    found = open_predictions(as_json(tmp_path / "found.json", coco(annotations=entries)))
    assert found.of(STEM, size=SIZE).instances is not None

    refusal = _refused(tmp_path, coco(annotations=[*entries, result(segmentation=whole)]))
    assert "masks of more than 10000 pixels together" in str(refusal)
