"""What the writers wrote reads back as the instances that were found, with the usual readers."""

import csv
import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pycocotools.coco import COCO

from tests.io.test_atomic import largest_file
from tests.strategies import instances
from urban_segmentor.errors import OutputError, ShapeError
from urban_segmentor.io import atomic
from urban_segmentor.io.results import RESULT_SINKS
from urban_segmentor.labels import BY_NAME
from urban_segmentor.masks import Masks
from urban_segmentor.polygons import polygons_to_mask
from urban_segmentor.rle import decode_rle
from urban_segmentor.types import Frame, Instances, Yuv420

NAMES = ("person", "rider", "car", "tram: 'new'", "bus", "road", "=cmd", "bicycle")
THINGS = {name for name in NAMES if name in BY_NAME and BY_NAME[name].is_thing}
FORMATS = sorted(RESULT_SINKS)
ONE_FILE = {"jsonl": "results.jsonl", "csv": "results.csv", "coco": "coco.json"}
FILES = {
    **ONE_FILE,
    "yolo": "labels/a/b/photo.txt",
    "masks": "masks/a/b/photo.png",
    "cityscapes": "cityscapes/a/b/photo.txt",
}

# A folder of its own for each example, so the fixture's scope does no harm.
properties = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def picture(found: Instances, *, name: str = "photo", index: int = 0, source: str = "") -> Frame:
    """Return a black frame of the size of the masks."""
    pixels = np.zeros((*found.masks.image_size, 3), dtype=np.uint8)
    return Frame(pixels=pixels, index=index, source=source, name=name)


def video_frame(found: Instances, *, index: int) -> Frame:
    """Return a frame of a video that must not be converted to RGB."""
    pixels = np.zeros((*found.masks.image_size, 3), dtype=np.uint8)
    return Frame(
        pixels=Yuv420.from_rgb(pixels),
        index=index,
        time_s=index / 30,
        source="clips/street.mp4",
        name=f"street_{index:06d}",
    )


def example(*, size: tuple[int, int] = (40, 60)) -> Instances:
    """Return five instances: a large one, one in two parts, a hole, one pixel, an empty one."""
    dense = np.zeros((5, *size), dtype=np.bool_)
    dense[0, 5:, :] = True
    dense[1, 10:20, 3:9] = dense[1, 12:18, 20:30] = True
    dense[2, 8:30, 30:50] = True
    dense[2, 12:20, 35:40] = False
    dense[3, 0, 7] = True
    masks = Masks.from_dense(dense)
    return Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.array([0.9, 0.123456, 0.5, 1 / 3, 0], dtype=np.float32),
        class_ids=np.array([2, 0, 4, 3, 6], dtype=np.int32),
    )


def nothing(size: tuple[int, int] = (40, 60)) -> Instances:
    """Return no instances."""
    none = Masks.from_dense(np.zeros((0, *size), dtype=np.bool_))
    return Instances(
        boxes=none.rectangles(),
        masks=none,
        scores=np.zeros(0, dtype=np.float32),
        class_ids=np.zeros(0, dtype=np.int32),
    )


def write(kind: str, folder: Path, results: list[tuple[Frame, Instances]]) -> None:
    """Write results and close."""
    sink = RESULT_SINKS[kind](folder, class_names=NAMES, overwrite=False)
    for frame, found in results:
        sink.write(frame, found)
    sink.close()


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """Return a context with an empty folder."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


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
    write("csv", tmp_path, [(picture(found, name=name, source=name), found)])
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
        write("coco", folder, [(picture(f, name=f"p{i}"), f) for i, f in enumerate(results)])
        coco = COCO(str(folder / "coco.json"))
    assert [entry["name"] for entry in coco.loadCats(coco.getCatIds())] == list(NAMES)
    assert len(set(coco.getAnnIds())) == sum(map(len, results))
    for image_id, found in enumerate(results, start=1):
        image = coco.loadImgs([image_id])[0]
        assert image["file_name"] == f"p{image_id - 1}"
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


def test_coco_names_pictures_with_their_suffix_and_videos_with_times(tmp_path: Path) -> None:
    """Pictures can be found again; frames of a video say when they were shown."""
    found = example()
    photo = picture(found, name="a/b/photo", source="in/a/b/photo.JPG")
    write("coco", tmp_path, [(photo, found), (video_frame(found, index=6), found)])
    first, second = json.loads((tmp_path / "coco.json").read_text())["images"]
    assert first == {"id": 1, "file_name": "a/b/photo.JPG", "width": 60, "height": 40}
    assert (second["file_name"], second["frame"], second["time_s"]) == ("street_000006", 6, 0.2)


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
        write("yolo", folder, [(picture(found), found)])
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
    write("yolo", tmp_path, [(picture(nothing()), nothing())])
    names = yaml.safe_load((tmp_path / "yolo_classes.txt").read_text())["names"]
    assert names == dict(enumerate(NAMES))
    assert (tmp_path / "labels" / "photo.txt").read_bytes() == b""


def _pixels(path: Path) -> tuple[str, NDArray[np.int64]]:
    """Return the mode and the values of a picture, read by Pillow."""
    with PillowImage.open(path) as image:
        return image.mode, np.asarray(image).astype(np.int64)


@properties
@given(instances())
def test_mask_pictures_read_back(found: Instances) -> None:
    """Each pixel shows the smallest of the instances on it."""
    with fresh_folder() as folder:
        write("masks", folder, [(picture(found), found)])
        mode, values = _pixels(folder / "masks" / "photo.png")
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
        write("cityscapes", folder, [(picture(found), found)])
        root = folder / "cityscapes"
        lines = (root / "photo.txt").read_text().splitlines()
        wanted = [k for k, i in enumerate(found.class_ids.tolist()) if NAMES[i] in THINGS]
        for line, k in zip(lines, wanted, strict=True):
            file, label_id, score = line.split(" ")
            assert file == f"masks/photo_{k + 1:03d}.png"
            assert int(label_id) == BY_NAME[NAMES[found.class_ids[k]]].label_id
            assert np.float32(score) == found.scores[k]
            mode, values = _pixels(root / file)
            assert mode == "L"
            np.testing.assert_array_equal(values, found.masks.dense()[k] * 255)
        pictures = list((root / "masks").iterdir()) if lines else []
        assert len(pictures) == len(wanted)


def test_cityscapes_masks_lie_beside_their_text(tmp_path: Path) -> None:
    """In sub-folders too; blanks in names would break the official reader."""
    found = example()
    write("cityscapes", tmp_path, [(picture(found, name="x y/50% of it"), found)])
    text = tmp_path / "cityscapes" / "x y" / "50% of it.txt"
    files = [line.split(" ") for line in text.read_text().splitlines()]
    assert [len(parts) for parts in files] == [3, 3, 3]
    for file, label_id, _ in files:
        assert (text.parent / file).is_file()
        assert int(label_id) in {24, 26, 28}


def test_cityscapes_wants_classes_of_the_benchmark(tmp_path: Path) -> None:
    """A model of stuff and of other things has no results to give."""
    with pytest.raises(OutputError, match=r"\(road, tram\) is in .* person, rider, car"):
        RESULT_SINKS["cityscapes"](tmp_path, class_names=("road", "tram"), overwrite=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_frames_may_differ_in_size_and_be_empty(tmp_path: Path, kind: str) -> None:
    """Folders of pictures are not of one size."""
    other = example(size=(50, 70))
    frames = [
        (picture(example(), name="a"), example()),
        (picture(nothing((7, 5)), name="b"), nothing((7, 5))),
        (picture(other, name="c"), other),
    ]
    write(kind, tmp_path, frames)
    if kind == "jsonl":
        sizes = [(line["width"], line["height"]) for line in lines_of(tmp_path / "results.jsonl")]
        assert sizes == [(60, 40), (5, 7), (70, 50)]
    elif kind == "masks":
        shapes = [_pixels(tmp_path / "masks" / f"{name}.png")[1].shape for name in "abc"]
        assert shapes == [(40, 60), (7, 5), (50, 70)]
    else:
        assert any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("kind", FORMATS)
def test_pixels_are_never_converted(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making RGB of a video frame costs more than writing its results."""

    def refuse(*_: object) -> None:
        pytest.fail("the pixels of a video frame were converted")

    found = example()
    frame = video_frame(found, index=0)
    monkeypatch.setattr(Yuv420, "resized_rgb", refuse)
    write(kind, tmp_path, [(frame, found)])
    assert any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("kind", FORMATS)
def test_existing_results_are_kept(tmp_path: Path, kind: str) -> None:
    """The second run is refused before any work, with a hint, and may overwrite."""
    found = example()
    frame = picture(found, name="a/b/photo")
    write(kind, tmp_path, [(frame, found)])
    before = (tmp_path / FILES[kind]).read_bytes()
    with pytest.raises(OutputError, match="exists already") as caught:
        RESULT_SINKS[kind](tmp_path, class_names=NAMES, overwrite=False)
    assert caught.value.hint == "add --overwrite, or choose another folder with -o"
    assert (tmp_path / FILES[kind]).read_bytes() == before
    sink = RESULT_SINKS[kind](tmp_path, class_names=NAMES, overwrite=True)
    sink.write(frame, nothing())
    sink.close()
    assert (tmp_path / FILES[kind]).read_bytes() != before


@pytest.mark.parametrize("kind", FORMATS)
def test_closing_early_and_twice_leaves_valid_files(tmp_path: Path, kind: str) -> None:
    """Also when nothing was written; no partial file stays."""
    sink = RESULT_SINKS[kind](tmp_path / "new" / "out", class_names=NAMES, overwrite=False)
    sink.close()
    sink.close()
    assert not list(tmp_path.rglob(".*"))
    out = tmp_path / "new" / "out"
    if kind == "coco":
        content = json.loads((out / "coco.json").read_text())
        assert (content["images"], content["annotations"]) == ([], [])
    elif kind == "csv":
        assert (out / "results.csv").read_text().startswith("source,name,frame,time_s,instance,")
    elif kind == "jsonl":
        assert (out / "results.jsonl").read_text() == ""


@pytest.mark.parametrize("kind", sorted(ONE_FILE))
def test_a_full_disk_leaves_the_frames_before(tmp_path: Path, kind: str) -> None:
    """The frame that does not fit is left out whole; the file is valid."""
    found = example()
    sink = RESULT_SINKS[kind](tmp_path, class_names=NAMES, overwrite=False)
    first = picture(found, name="first")
    sink.write(first, found)
    with largest_file((tmp_path / f".{ONE_FILE[kind]}.partial").stat().st_size + 150):
        with pytest.raises(OutputError, match="cannot write") as caught:
            sink.write(picture(found, name="second"), found)
        assert "-o" in (caught.value.hint or "")
        sink.close()
    text = (tmp_path / ONE_FILE[kind]).read_text()
    assert "second" not in text
    if kind == "coco":
        content = json.loads(text)
        assert [image["file_name"] for image in content["images"]] == ["first"]
        assert {annotation["image_id"] for annotation in content["annotations"]} == {1}
        assert len(content["annotations"]) == 5
    elif kind == "jsonl":
        assert [line["name"] for line in lines_of(tmp_path / "results.jsonl")] == ["first"]
    else:
        assert len(list(csv.reader(text.splitlines()))) == 6


def test_coco_goes_on_after_a_frame_that_failed(tmp_path: Path) -> None:
    """Ids stay unique and every annotation has its image."""
    found = example()
    sink = RESULT_SINKS["coco"](tmp_path, class_names=NAMES, overwrite=False)
    sink.write(picture(found, name="first"), found)
    with largest_file(100), pytest.raises(OutputError):
        sink.write(picture(found, name="second"), found)
    sink.write(picture(found, name="third"), found)
    sink.close()
    content = json.loads((tmp_path / "coco.json").read_text())
    assert [(i["id"], i["file_name"]) for i in content["images"]] == [(1, "first"), (2, "third")]
    assert [a["id"] for a in content["annotations"]] == list(range(1, 11))


def test_coco_that_cannot_be_finished_is_no_file(tmp_path: Path) -> None:
    """An error that says so, instead of JSON that nobody can read."""
    found = example()
    sink = RESULT_SINKS["coco"](tmp_path, class_names=NAMES, overwrite=False)
    sink.write(picture(found), found)
    with largest_file(100), pytest.raises(OutputError, match=r"coco\.json"):
        sink.close()
    sink.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_no_space_left_is_an_output_error(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what cannot be written, and the hint what to do."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    found = example()
    sink = RESULT_SINKS[kind](tmp_path, class_names=NAMES, overwrite=False)
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_all", full)
        with pytest.raises(OutputError, match="No space left on device") as caught:
            sink.write(picture(found, name="a/b/photo"), found)
    assert caught.value.hint == "free some space, or choose another folder with -o"
    assert not (tmp_path / FILES[kind]).exists()
    sink.close()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_folder_below_a_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """Before any frame is worked on."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        RESULT_SINKS[kind](tmp_path / "file" / "out", class_names=NAMES, overwrite=True)


@pytest.mark.parametrize("kind", ["yolo", "masks", "cityscapes"])
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "", "a//b", ".", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, kind: str, name: str) -> None:
    """No result lands outside the folder."""
    found = example()
    out = tmp_path / "out"
    sink = RESULT_SINKS[kind](out, class_names=NAMES, overwrite=True)
    with pytest.raises(OutputError, match="does not name a file"):
        sink.write(picture(found, name=name), found)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    assert not Path("/evil.txt").exists()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["x y", "ü\udcff", 'a"b', "a\nb", "..a", "a/.b/c"])
def test_odd_names_are_written(tmp_path: Path, kind: str, name: str) -> None:
    """Whatever a file may be called, its results can be written, and JSON stays JSON."""
    found = example()
    write(kind, tmp_path, [(picture(found, name=name, source=f"in/{name}.jpg"), found)])
    if kind == "jsonl":
        assert lines_of(tmp_path / "results.jsonl")[0]["name"] == name
    elif kind == "coco":
        content = json.loads((tmp_path / "coco.json").read_text())
        assert content["images"][0]["file_name"] == f"{name}.jpg"
    elif kind == "csv":
        assert len((tmp_path / "results.csv").read_bytes()) > 300
    else:
        suffix = ".png" if kind == "masks" else ".txt"
        folder = tmp_path / ("labels" if kind == "yolo" else kind)
        assert (folder / (name + suffix)).is_file()


@pytest.mark.parametrize("kind", ["yolo", "masks", "cityscapes"])
def test_two_frames_of_one_name_are_noticed(tmp_path: Path, kind: str) -> None:
    """The second would silently replace the first."""
    found = example()
    sink = RESULT_SINKS[kind](tmp_path, class_names=NAMES, overwrite=False)
    sink.write(picture(found), found)
    with pytest.raises(OutputError, match="exists already"):
        sink.write(picture(found), found)


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"masks"}))
def test_a_class_that_the_model_does_not_have_is_refused(tmp_path: Path, kind: str) -> None:
    """A name from the end of the list would be a silent mistake."""
    found = example()
    sink = RESULT_SINKS[kind](tmp_path, class_names=NAMES[:3], overwrite=False)
    with pytest.raises(ShapeError, match=r"`class_ids` must lie in 0\.\.2, got 4"):
        sink.write(picture(found), found)


def test_a_mask_picture_holds_65535_instances(tmp_path: Path) -> None:
    """One more would start again at 0."""
    none = nothing((4, 4))
    many = 2**16
    crops = tuple(np.zeros((0, 0), dtype=np.bool_) for _ in range(many))
    found = Instances(
        boxes=np.zeros((many, 4), dtype=np.float32),
        masks=Masks(crops=crops, origins=np.zeros((many, 2), dtype=np.int32), image_size=(4, 4)),
        scores=np.zeros(many, dtype=np.float32),
        class_ids=np.zeros(many, dtype=np.int32),
    )
    sink = RESULT_SINKS["masks"](tmp_path, class_names=NAMES, overwrite=False)
    with pytest.raises(ShapeError, match="65536"):
        sink.write(picture(none), found)


def test_mask_pictures_open_in_opencv(tmp_path: Path) -> None:
    """Values above 255 survive, as 16-bit grey."""
    masks = Masks.from_dense(np.ones((300, 2, 2), dtype=np.bool_))
    found = Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.ones(300, dtype=np.float32),
        class_ids=np.zeros(300, dtype=np.int32),
    )
    write("masks", tmp_path, [(picture(found), found)])
    values = cv2.imread(str(tmp_path / "masks" / "photo.png"), cv2.IMREAD_UNCHANGED)
    assert values is not None
    assert values.dtype == np.uint16
    assert values.tolist() == [[300, 300], [300, 300]]
