"""A result says what was found to files, tables and other tools."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from tests.io.findings import (
    NAMES,
    example,
    fresh_folder,
    lines_of,
    nothing,
    video_frame,
)
from tests.strategies import instances
from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.io.image_codec import IMAGE_SUFFIXES
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.result import Result
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.rle import decode_rle

# Files take their time, and other work on the machine is no failure.
unhurried = settings(max_examples=25)
CLASSES = ClassList.from_names(NAMES)


def still(found: Instances, *, name: str = "photo", source: str = "") -> Frame:
    """Return a black image of the size of the masks."""
    pixels = np.zeros((*found.image_size, 3), dtype=np.uint8)
    return Frame(pixels=pixels, name=name, source=source, file_name=Path(source).name)


def write(kind: str, folder: Path, result: Result) -> None:
    """Write one result with a writer of result files."""
    sink = WRITERS[kind](folder)
    sink.write(result)
    sink.close()


def result_of(found: Instances, *, classes: ClassList = CLASSES) -> Result:
    """Return a result of a still, tracked."""
    tracks = np.arange(len(found), dtype=np.int32) + 5
    found = replace(found, classes=classes, track_ids=tracks)
    return Result(frame=still(found), instances=found)


# pycocotools itself is behind NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@unhurried
@given(instances(), st.booleans())
def test_saved_coco_loads_in_pycocotools(found: Instances, is_named: bool) -> None:  # noqa: FBT001 - drawn
    """And comes back from there, named or not."""
    result = result_of(found, classes=CLASSES if is_named else ClassList())
    with fresh_folder() as folder:
        coco = COCO(str(result.save(folder / "x.json")))
    [image] = coco.loadImgs(coco.getImgIds())
    size = (image["height"], image["width"])
    assert size == found.image_size
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
    for entry, mask in zip(annotations, found.masks.dense(), strict=True):
        np.testing.assert_array_equal(coco.annToMask(entry), mask)
    names = tuple(coco.loadCats([entry["category_id"]])[0]["name"] for entry in annotations)
    assert names == result.instances.class_names
    back = Instances.from_coco(annotations, image_size=size, classes=result.classes)
    np.testing.assert_array_equal(back.boxes, found.boxes)
    np.testing.assert_array_equal(back.masks.dense(), found.masks.dense())
    np.testing.assert_array_equal(back.class_ids, found.class_ids)
    assert back.class_names == names


@unhurried
@given(instances(), st.booleans())
def test_json_reads_back(found: Instances, is_named: bool) -> None:  # noqa: FBT001 - drawn
    """One line with every instance, its mask and its track."""
    result = result_of(found, classes=CLASSES if is_named else ClassList())
    text = result.to_json()
    assert "\n" not in text
    record = json.loads(text)
    assert (record["height"], record["width"]) == found.image_size
    rows = record["instances"]
    masks = decode_rle([row["mask"] for row in rows], image_size=found.image_size)
    np.testing.assert_array_equal(masks.dense(), found.masks.dense())
    assert [row["class"] for row in rows] == list(result.instances.class_names)
    assert [row["class_id"] for row in rows] == found.class_ids.tolist()
    assert [row["track_id"] for row in rows] == [5 + i for i in range(len(found))]
    boxes = np.array([row["box"] for row in rows]).reshape(-1, 4)
    np.testing.assert_array_equal(boxes, found.boxes)


def test_json_is_a_line_of_the_writer(tmp_path: Path) -> None:
    """What users of one can read they can read of the other."""
    found = replace(example(), classes=CLASSES)
    frame = video_frame(found, index=6)
    result = Result(frame=frame, instances=found)
    write("jsonl", tmp_path, result)
    record = json.loads(result.to_json())
    assert [record] == lines_of(tmp_path / "results.jsonl")
    assert "track_id" not in record["instances"][0]


def test_coco_is_that_of_the_writer(tmp_path: Path) -> None:
    """Names, suffixes and times of the image, annotations and categories."""
    found = replace(example(), classes=CLASSES)
    photo = still(found, name="photo", source="in/photo.JPG")
    for k, frame in enumerate([photo, video_frame(found, index=6)]):
        result = Result(frame=frame, instances=found)
        write("coco", tmp_path / str(k), result)
        wanted = json.loads((tmp_path / str(k) / "coco.json").read_text())
        made = result.to_coco()
        assert made["images"] == wanted["images"]
        assert made["annotations"] == wanted["annotations"]
        assert made["images"][0]["file_name"] == (
            "photo.JPG" if k == 0 else "frames/street/street_000006.jpg"
        )
        assert made["categories"] == wanted["categories"]
        assert [entry["name"] for entry in made["categories"]] == list(NAMES)


@unhurried
@given(instances())
def test_saved_text_is_yolo(found: Instances) -> None:
    """The masks come back from the file."""
    result = result_of(found)
    with fresh_folder() as folder:
        text = result.save(folder / "x.TXT").read_text()
    back = Instances.from_yolo(text, image_size=found.image_size, classes=CLASSES)
    solid = found[found.masks.areas() > 0]
    np.testing.assert_array_equal(back.masks.dense(), solid.masks.dense())
    np.testing.assert_array_equal(back.class_ids, solid.class_ids)


def test_saved_tables_are_those_of_the_writer(tmp_path: Path) -> None:
    """One row an instance under the same heading; a table of nothing is a heading."""
    import pandas as pd

    found = replace(example(), classes=CLASSES)
    frame = video_frame(found, index=6)
    result = Result(frame=frame, instances=found)
    write("csv", tmp_path, result)
    path = result.save(tmp_path / "one.csv")
    assert path.read_bytes() == (tmp_path / "results.csv").read_bytes()
    none = replace(nothing(), classes=CLASSES)
    Result(frame=still(none), instances=none).save(path)
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == []
    unnamed = Result(frame=frame, instances=example())
    unnamed.save(path)
    assert pd.read_csv(path)["class"].tolist() == [2, 0, 4, 3, 6]


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_saved_images_show_what_plot_draws(tmp_path: Path, suffix: str) -> None:
    """In every format; without loss where the format has none."""
    result = result_of(example())
    image = cv2.imread(str(result.save(tmp_path / f"x{suffix}")))
    assert image is not None
    shown = result.plot()
    assert image.shape == shown.shape
    if suffix in {".png", ".bmp", ".tif", ".tiff"}:
        np.testing.assert_array_equal(image[..., ::-1], shown)


@pytest.mark.parametrize("name", ["x.xyz", "x", "x.jsonl"])
def test_a_suffix_that_names_no_format_is_refused(tmp_path: Path, name: str) -> None:
    """The message lists those that do."""
    with pytest.raises(OutputError, match="names no format") as caught:
        result_of(example()).save(tmp_path / name)
    assert Path(name).suffix in str(caught.value) if "." in name else "without" in str(caught.value)
    for suffix in (".csv", ".jpg", ".json", ".txt"):
        assert suffix in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".json", ".txt", ".csv", ".png"])
def test_a_file_that_is_there_is_kept_where_asked(tmp_path: Path, suffix: str) -> None:
    """And replaced otherwise."""
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"mine")
    result = result_of(example())
    with pytest.raises(OutputError):
        result.save(path, overwrite=False)
    assert path.read_bytes() == b"mine"
    result.save(path)
    assert path.read_bytes() != b"mine"


def test_tables_of_a_video_go_below_one_another() -> None:
    """Each row says of which frame it is, at what time."""
    import pandas as pd

    found = replace(example(), classes=CLASSES)
    results = [
        Result(frame=video_frame(some, index=index), instances=some)
        for index, some in ((0, found), (3, replace(nothing(), classes=CLASSES)), (6, found[:2]))
    ]
    table = pd.concat([result.to_dataframe() for result in results], ignore_index=True)
    assert list(table.columns)[:5] == ["source", "name", "frame_index", "time_s", "class_name"]
    assert table["frame_index"].tolist() == [0] * 5 + [6] * 2
    assert table["time_s"].tolist() == [0] * 5 + [0.2] * 2
    assert set(table["source"]) == {"clips/street.mp4"}
    assert table["name"].tolist()[-1] == "street_000006"
    assert table.groupby("frame_index")["area_px"].sum()[0] == found.masks.areas().sum()
    named = replace(found, extra={"source": np.zeros(5)})
    with pytest.raises(SettingError, match="`source`"):
        Result(frame=video_frame(named, index=0), instances=named).to_dataframe()
