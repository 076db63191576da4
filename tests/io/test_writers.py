"""What the writers wrote reads back as the instances that were found, with the usual readers."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from tests.io.findings import (
    NAMES,
    THINGS,
    example,
    fresh_folder,
    lines_of,
    nothing,
    pixels_of,
    properties,
    source_image,
    video_frame,
    write,
)
from tests.strategies import instances
from urban_segmentor.errors import OutputError
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.polygons import polygons_to_mask
from urban_segmentor.structures.rle import decode_rle


@properties
@given(st.lists(instances(), max_size=3))
def test_jsonl_reads_back(results: list[Instances]) -> None:
    """Every field of every instance is there, masks without loss."""
    with fresh_folder() as folder:
        write("jsonl", folder, [(video_frame(f, index=3 * i), f) for i, f in enumerate(results)])
        lines = lines_of(folder / "results.jsonl")
    assert [line["frame"] for line in lines] == [3 * i for i in range(len(results))]
    for line, found in zip(lines, results, strict=True):
        assert (line["height"], line["width"]) == found.masks.image_size
        assert line["time_s"] == round(line["frame"] / 30, 6)
        assert line["name"] == f"street_{line['frame']:06d}"
        rows = line["instances"]
        size = found.masks.image_size
        masks = decode_rle([row["mask"] for row in rows], image_size=size)
        np.testing.assert_array_equal(masks.dense(), found.masks.dense())
        assert [row["area_px"] for row in rows] == found.masks.areas().tolist()
        assert [row["class_id"] for row in rows] == found.class_ids.tolist()
        assert [row["class"] for row in rows] == [NAMES[i] for i in found.class_ids]
        boxes = np.array([row["box"] for row in rows]).reshape(-1, 4)
        np.testing.assert_array_equal(boxes, found.boxes)
        scores = np.array([row["score"] for row in rows])
        np.testing.assert_allclose(scores, found.scores, atol=6e-6)


@properties
@given(st.lists(instances(), max_size=3))
def test_csv_reads_back(results: list[Instances]) -> None:
    """One row for each instance, in the order of the frames."""
    with fresh_folder() as folder:
        write("csv", folder, [(video_frame(f, index=i), f) for i, f in enumerate(results)])
        with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    want = [(i, k, found) for i, found in enumerate(results) for k in range(len(found))]
    for row, (i, k, found) in zip(rows, want, strict=True):
        area = int(found.masks.areas()[k])
        height, width = found.masks.image_size
        assert (int(row["frame"]), int(row["instance"])) == (i, k + 1)
        assert int(row["class_id"]) == found.class_ids[k]
        assert row["class"].removeprefix("'") == NAMES[found.class_ids[k]]
        assert float(row["score"]) == pytest.approx(found.scores[k], abs=6e-6)
        assert [float(row[side]) for side in ("x1", "y1", "x2", "y2")] == found.boxes[k].tolist()
        assert int(row["area_px"]) == area
        assert float(row["area_share"]) == pytest.approx(area / (height * width), abs=6e-7)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1", "a,b\n=c"])
def test_spreadsheets_run_no_file_names(tmp_path: Path, name: str) -> None:
    """No cell of text begins with what a spreadsheet takes for a formula."""
    found = example()
    write("csv", tmp_path, [(source_image(found, name=name, source=name), found)])
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    for row in rows:
        assert row["name"].removeprefix("'") == row["source"].removeprefix("'") == name
        for text in (row["name"], row["source"], row["class"]):
            assert text[0] not in "=+-@\t\r\n"


# pycocotools itself is behind NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@properties
@given(st.lists(instances(), max_size=3))
def test_coco_loads_in_pycocotools(results: list[Instances]) -> None:
    """Images, boxes, areas and masks are those that pycocotools makes of the file."""
    with fresh_folder() as folder:
        write("coco", folder, [(source_image(f, name=f"p{i}"), f) for i, f in enumerate(results)])
        coco = COCO(str(folder / "coco.json"))
    assert [entry["name"] for entry in coco.loadCats(coco.getCatIds())] == list(NAMES)
    assert len(set(coco.getAnnIds())) == sum(map(len, results))
    for image_id, found in enumerate(results, start=1):
        image = coco.loadImgs([image_id])[0]
        assert image["file_name"] == f"p{image_id - 1}.jpg"
        assert (image["height"], image["width"]) == found.masks.image_size
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image_id]))
        for k, (annotation, mask) in enumerate(zip(annotations, found.masks.dense(), strict=True)):
            np.testing.assert_array_equal(coco.annToMask(annotation), mask)
            x1, y1, x2, y2 = found.boxes[k].tolist()
            assert annotation["bbox"] == [x1, y1, x2 - x1, y2 - y1]
            assert annotation["area"] == mask.sum()
            assert annotation["category_id"] == found.class_ids[k] + 1
            assert annotation["score"] == pytest.approx(found.scores[k], abs=6e-6)
            assert annotation["iscrowd"] == 0


def test_coco_names_images_with_their_suffix_and_videos_with_times(tmp_path: Path) -> None:
    """Pictures can be found again; frames of a video say when they were shown."""
    found = example()
    photo = source_image(found, name="a/b/photo", source="in/a/b/photo.JPG")
    write("coco", tmp_path, [(photo, found), (video_frame(found, index=6), found)])
    first, second = json.loads((tmp_path / "coco.json").read_text())["images"]
    assert first == {"id": 1, "file_name": "a/b/photo.JPG", "width": 60, "height": 40}
    assert second["file_name"] == "frames/street/street_000006.jpg"
    assert (second["video"], second["frame_index"], second["time_s"]) == ("street.mp4", 6, 0.2)


def test_coco_tells_things_from_stuff(tmp_path: Path) -> None:
    """The super-category of a class that Cityscapes does not know is `thing`."""
    write("coco", tmp_path, [])
    categories = json.loads((tmp_path / "coco.json").read_text())["categories"]
    stuff = [entry["name"] for entry in categories if entry["supercategory"] == "stuff"]
    assert stuff == ["road"]
    assert [entry["id"] for entry in categories] == list(range(1, 9))


@properties
@given(instances())
def test_yolo_reads_back(found: Instances) -> None:
    """Each line gives its class and exactly its mask; empty masks have no line."""
    with fresh_folder() as folder:
        write("yolo", folder, [(source_image(found), found)])
        lines = (folder / "labels" / "photo.txt").read_text().splitlines()
    height, width = found.masks.image_size
    solid = np.flatnonzero(found.masks.areas())
    for line, k in zip(lines, solid.tolist(), strict=True):
        class_id, *numbers = line.split()
        assert len(numbers) >= 6
        assert all(re.fullmatch(r"[01]\.\d{6}", number) for number in numbers)
        shares = np.array(numbers, dtype=np.float64).reshape(-1, 2)
        assert shares.max() <= 1
        ring = (shares * (width, height)).astype(np.float32)
        mask = polygons_to_mask([ring], image_size=(height, width))
        np.testing.assert_array_equal(mask, found.masks.dense()[k])
        assert int(class_id) == found.class_ids[k]


def test_yolo_tells_the_class_names(tmp_path: Path) -> None:
    """The names are YAML as in `data.yaml`, and frames without instances have empty labels."""
    write("yolo", tmp_path, [(source_image(nothing()), nothing())])
    names = yaml.safe_load((tmp_path / "yolo_classes.txt").read_text())["names"]
    assert names == dict(enumerate(NAMES))
    assert (tmp_path / "labels" / "photo.txt").read_bytes() == b""


@properties
@given(instances())
def test_mask_images_read_back(found: Instances) -> None:
    """Each pixel shows the smallest of the instances on it."""
    with fresh_folder() as folder:
        write("masks", folder, [(source_image(found), found)])
        mode, values = pixels_of(folder / "masks" / "photo.png")
    assert mode == "I;16"
    areas = found.masks.areas()
    dense = found.masks.dense()
    for y, x in np.ndindex(values.shape):
        here = np.flatnonzero(dense[:, y, x])
        if len(here) == 0:
            assert values[y, x] == 0
        else:
            assert dense[values[y, x] - 1, y, x]
            assert areas[values[y, x] - 1] == areas[here].min()


@properties
@given(instances())
def test_cityscapes_reads_back(found: Instances) -> None:
    """Things of the benchmark are there with label ids, scores and masks; others are not."""
    with fresh_folder() as folder:
        write("cityscapes", folder, [(source_image(found), found)])
        root = folder / "cityscapes"
        lines = (root / "photo.txt").read_text().splitlines()
        wanted = [k for k, i in enumerate(found.class_ids.tolist()) if NAMES[i] in THINGS]
        for line, k in zip(lines, wanted, strict=True):
            file, label_id, score = line.split(" ")
            assert file == f"masks/photo_{k + 1:03d}.png"
            assert int(label_id) == BY_NAME[NAMES[found.class_ids[k]]].label_id
            assert np.float32(score) == found.scores[k]
            mode, values = pixels_of(root / file)
            assert mode == "L"
            np.testing.assert_array_equal(values, found.masks.dense()[k] * 255)
        images = list((root / "masks").iterdir()) if lines else []
        assert len(images) == len(wanted)


def test_cityscapes_masks_lie_beside_their_text(tmp_path: Path) -> None:
    """In sub-folders too; blanks in names would break the official reader."""
    found = example()
    write("cityscapes", tmp_path, [(source_image(found, name="x y/50% of it"), found)])
    text = tmp_path / "cityscapes" / "x y" / "50% of it.txt"
    files = [line.split(" ") for line in text.read_text().splitlines()]
    assert [len(parts) for parts in files] == [3, 3, 3]
    for file, label_id, _ in files:
        assert (text.parent / file).is_file()
        assert int(label_id) in {24, 26, 28}


def test_cityscapes_wants_classes_of_the_benchmark(tmp_path: Path) -> None:
    """A model of stuff and of other things has no results to give."""
    with pytest.raises(OutputError, match=r"\(road, tram\) is in .* person, rider, car"):
        WRITERS["cityscapes"](tmp_path, classes=known_classes(("road", "tram")), overwrite=False)
    assert list(tmp_path.iterdir()) == []
