"""COCO panoptic files of other tools, and all that can be wrong with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.evaluation.predictions.results import SIZE, STEM, as_json, image, panoptic, png
from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions import open_predictions

if TYPE_CHECKING:
    from pathlib import Path

CAR, ROAD = {"id": 26001, "category_id": 26}, {"id": 7, "category_id": 7}


def _content(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_categories_are_label_ids_when_there_are_none(tmp_path: Path) -> None:
    """Segments, their classes and areas; pixels of id 0 are in none."""
    read = open_predictions(panoptic(tmp_path)).of(STEM, size=SIZE)

    assert read.panoptic is not None
    car, road = read.panoptic.segments
    assert (car.segment_id, car.is_thing, car.score, car.area_px) == (26001, True, 1.0, 1200)
    assert (road.segment_id, road.is_thing, road.area_px) == (7, False, 300)
    assert read.label_ids is not None
    assert [int(read.label_ids[y, 59]) for y in (0, 25, 39)] == [26, 0, 7]


@pytest.mark.parametrize("own", [True, False])
def test_categories_are_known_by_their_names(tmp_path: Path, *, own: bool) -> None:
    """Those of the file, or those of annotations."""
    segments = [{**CAR, "category_id": 1, "score": 0.25}, {**ROAD, "category_id": 2}]
    path = panoptic(tmp_path, segments_info=segments)
    categories = [{"id": 2, "name": "road"}, {"id": 1, "name": "car"}, {"id": 5, "name": "kite"}]
    annotations = as_json(tmp_path / "val.json", {"categories": categories, "images": [image()]})
    if own:
        as_json(path, _content(path) | {"categories": categories})
    saved = open_predictions(path, annotations=None if own else annotations)

    assert saved.class_names == ("road", "car", "kite")
    found = saved.of(STEM, size=SIZE).panoptic
    assert found is not None
    assert [(one.class_id, one.score) for one in found.segments] == [(1, 0.25), (0, 1.0)]


@pytest.mark.parametrize(
    ("image_id", "file_name"), [(4, f"{STEM}_gtFine_panoptic.png"), (17, "a/0.png"), ("x", STEM)]
)
def test_the_image_is_found_by_id_image_or_file(
    tmp_path: Path, image_id: object, file_name: str
) -> None:
    """Whichever names a frame."""
    path = panoptic(tmp_path, image_id=image_id, file_name=file_name)
    target = tmp_path / "found" / file_name
    target.parent.mkdir(exist_ok=True)
    (tmp_path / "found" / f"{STEM}.png").rename(target)
    as_json(path, _content(path) | {"images": [image()]})
    saved = open_predictions(path)

    assert saved.stems == {STEM}
    assert saved.of(STEM, size=SIZE).panoptic is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file_name": None}, "`file_name` is missing"),
        ({"file_name": "../found.png"}, "leads out of"),
        ({"file_name": "a\\..\\..\\found.png"}, "leads out of"),
        ({"file_name": "/etc/passwd"}, "leads out of"),
        ({"file_name": "C:\\x.png"}, "leads out of"),
        ({"file_name": "\0"}, "`file_name` is '.x00', expected a text"),
        ({"file_name": "none.png"}, "there is no file"),
        ({"image_id": None}, "`image_id` is missing"),
        ({"segments_info": 3}, "`segments_info` is 3, expected a list"),
        ({"segments_info": [3]}, "segment 0 is 3, expected an object"),
        ({"segments_info": [{"id": 7}]}, "segment 0: `category_id` is missing"),
        ({"segments_info": [{"category_id": 7}]}, "segment 0: `id` is missing"),
        ({"segments_info": [CAR, CAR]}, "segment 1 has the id 26001, expected a new one"),
        ({"segments_info": [{**CAR, "id": 0}]}, "segment 0 has the id 0"),
        ({"segments_info": [{**CAR, "id": 2**24}]}, "segment 0 has the id 16777216"),
        ({"segments_info": [{**CAR, "category_id": 34}]}, "has the category id 34"),
        ({"segments_info": [{**CAR, "category_id": -1}]}, "has the category id -1"),
        ({"segments_info": [{**CAR, "score": 2}]}, "segment 0: `score` is 2, expected"),
        ({"segments_info": [CAR]}, "segment 7 is in .*png` but not in .*json`"),
        (
            {"segments_info": [CAR, ROAD, {**ROAD, "id": 9}]},
            "segment 9 is in .*json` but not in .*png`",
        ),
    ],
)
def test_every_annotation_is_checked(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """Paths, ids, classes, and segments that file and picture do not both have."""
    path = panoptic(tmp_path, **changes)
    with pytest.raises(PredictionError, match=message) as refusal:
        open_predictions(path).of(STEM, size=SIZE)
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 3}, "`images` is 3, expected a list"),
        ({"images": [{"id": 3}]}, "image 0: `file_name` is missing"),
        ({"categories": 3}, "`categories` is 3, expected a list"),
        ({"categories": [{"id": 1, "name": "kite"}]}, "has no class of Cityscapes"),
    ],
)
def test_the_whole_file_is_checked(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """Lists that are none, classes of other data."""
    path = panoptic(tmp_path)
    as_json(path, _content(path) | changes)
    with pytest.raises(PredictionError, match=message):
        open_predictions(path)


def test_images_and_files_must_be_there_once(tmp_path: Path) -> None:
    """One annotation a picture, one folder a file, one picture wanted that is in it."""
    path = panoptic(tmp_path)
    with pytest.raises(PredictionError, match="does not speak of `a_000000_000000`"):
        open_predictions(path).of("a_000000_000000", size=SIZE)
    entries = _content(path)["annotations"] * 2
    as_json(path, {"annotations": entries})
    with pytest.raises(PredictionError, match=f"the picture `{STEM}` a second time"):
        open_predictions(path)
    (tmp_path / "found").rename(tmp_path / "images")
    with pytest.raises(PredictionError, match="there is no folder"):
        open_predictions(path)


def test_images_must_be_colored_and_of_the_right_size(tmp_path: Path) -> None:
    """Grey ones would be read as other ids."""
    path = panoptic(tmp_path)
    with pytest.raises(PredictionError, match="60 x 40 pixels, the ground truth 120 x 80"):
        open_predictions(path).of(STEM, size=(80, 120))
    png(tmp_path / "found" / f"{STEM}.png", np.zeros(SIZE, dtype=np.uint8))
    with pytest.raises(PredictionError, match="no RGB picture of segment ids"):
        open_predictions(path).of(STEM, size=SIZE)
    with pytest.raises(PredictionError, match="no 8-bit grey picture of label ids"):
        open_predictions(panoptic(tmp_path).parent)
