"""All writers keep what exists, survive full disks and write odd names."""

import csv
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.io.findings import (
    CLASSES,
    FILES,
    FORMATS,
    ONE_FILE,
    example,
    lines_of,
    nothing,
    pixels_of,
    source_image,
    video_frame,
    write,
)
from tests.io.test_atomic import largest_file
from urban_segmentor.errors import OutputError, ShapeError
from urban_segmentor.io import atomic
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.result import Result
from urban_segmentor.structures.frame import Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

FOLDERS = ["yolo", "masks", "color", "cutouts", "cityscapes", "panoptic", "labelids"]


@pytest.mark.parametrize("kind", FORMATS)
def test_frames_may_differ_in_size_and_be_empty(tmp_path: Path, kind: str) -> None:
    """Folders of pictures are not of one size."""
    other = example(size=(50, 70))
    frames = [
        (source_image(example(), name="a"), example()),
        (source_image(nothing((7, 5)), name="b"), nothing((7, 5))),
        (source_image(other, name="c"), other),
    ]
    write(kind, tmp_path, frames)
    if kind == "jsonl":
        sizes = [(line["width"], line["height"]) for line in lines_of(tmp_path / "results.jsonl")]
        assert sizes == [(60, 40), (5, 7), (70, 50)]
    elif kind == "masks":
        shapes = [pixels_of(tmp_path / "masks" / f"{name}.png")[1].shape for name in "abc"]
        assert shapes == [(40, 60), (7, 5), (50, 70)]
    else:
        assert any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"cutouts"}))
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
    frame = source_image(found, name="a/b/photo")
    write(kind, tmp_path, [(frame, found)])
    before = (tmp_path / FILES[kind]).read_bytes()
    with pytest.raises(OutputError, match="exists already") as caught:
        WRITERS[kind](tmp_path, classes=CLASSES, overwrite=False)
    assert caught.value.hint == "add --overwrite, or choose another path"
    assert (tmp_path / FILES[kind]).read_bytes() == before
    sink = WRITERS[kind](tmp_path, classes=CLASSES, overwrite=True)
    sink.write(Result(frame=frame, instances=nothing()))
    sink.close()
    path = tmp_path / FILES[kind]
    if kind == "cutouts":  # nothing is left to be cut out
        assert not path.exists()
    else:
        assert path.read_bytes() != before


@pytest.mark.parametrize("kind", FORMATS)
def test_closing_early_and_twice_leaves_valid_files(tmp_path: Path, kind: str) -> None:
    """Also when nothing was written; no partial file stays."""
    sink = WRITERS[kind](tmp_path / "new" / "out", classes=CLASSES, overwrite=False)
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


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_nothing_is_written_after_the_end(tmp_path: Path, kind: str) -> None:
    """Whatever the format, a result that comes too late is told rather than lost."""
    found = example()
    sink = WRITERS[kind](tmp_path, classes=CLASSES)
    sink.close()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match="is finished, nothing can be added"):
        sink.write(Result(frame=video_frame(found, index=0), instances=found))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", FORMATS)
def test_as_a_context_it_is_closed_whatever_happens(tmp_path: Path, kind: str) -> None:
    """What was written before an error is in its place."""
    found = example()

    def broken() -> None:
        with WRITERS[kind](tmp_path, classes=CLASSES) as sink:
            sink.write(Result(frame=source_image(found, name="a/b/photo"), instances=found))
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert (tmp_path / FILES[kind]).is_file()
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"masks"}))
def test_the_first_result_decides_the_class_list(tmp_path: Path, kind: str) -> None:
    """A later one of more classes cannot say another thing with the same number."""
    found = example()
    few = found.select(found.class_ids < 3)
    with WRITERS[kind](tmp_path) as sink:
        sink.write(
            Result(frame=source_image(few, name="a"), instances=replace(few, classes=CLASSES[:3]))
        )
        with pytest.raises(ShapeError, match=r"`class_ids` must lie in 0\.\.2, got 4"):
            sink.write(
                Result(
                    frame=source_image(found, name="b"), instances=replace(found, classes=CLASSES)
                )
            )


@pytest.mark.parametrize("kind", sorted(ONE_FILE))
def test_a_full_disk_leaves_the_frames_before(tmp_path: Path, kind: str) -> None:
    """The frame that does not fit is left out whole; the file is valid."""
    found = example()
    sink = WRITERS[kind](tmp_path, classes=CLASSES, overwrite=False)
    first = source_image(found, name="first")
    sink.write(Result(frame=first, instances=found))
    room = 700 if kind == "coco" else 150  # for the images and categories that stand at its end
    with largest_file((tmp_path / f".{ONE_FILE[kind]}.partial").stat().st_size + room):
        with pytest.raises(OutputError, match="cannot write") as caught:
            sink.write(Result(frame=source_image(found, name="second"), instances=found))
        assert "another path" in (caught.value.hint or "")
        sink.close()
    text = (tmp_path / ONE_FILE[kind]).read_text()
    assert "second" not in text
    if kind == "coco":
        content = json.loads(text)
        assert [image["file_name"] for image in content["images"]] == ["first.jpg"]
        assert {annotation["image_id"] for annotation in content["annotations"]} == {1}
        assert len(content["annotations"]) == 5
    elif kind == "jsonl":
        assert [line["name"] for line in lines_of(tmp_path / "results.jsonl")] == ["first"]
    else:
        assert len(list(csv.reader(text.splitlines()))) == 6


def test_coco_goes_on_after_a_frame_that_failed(tmp_path: Path) -> None:
    """Ids stay unique and every annotation has its image."""
    found = example()
    sink = WRITERS["coco"](tmp_path, classes=CLASSES, overwrite=False)
    sink.write(Result(frame=source_image(found, name="first"), instances=found))
    with largest_file(100), pytest.raises(OutputError):
        sink.write(Result(frame=source_image(found, name="second"), instances=found))
    sink.write(Result(frame=source_image(found, name="third"), instances=found))
    sink.close()
    content = json.loads((tmp_path / "coco.json").read_text())
    names = [(image["id"], image["file_name"]) for image in content["images"]]
    assert names == [(1, "first.jpg"), (2, "third.jpg")]
    assert [a["id"] for a in content["annotations"]] == list(range(1, 11))


def test_coco_that_cannot_be_finished_is_no_file(tmp_path: Path) -> None:
    """An error that says so, instead of JSON that nobody can read."""
    found = example()
    sink = WRITERS["coco"](tmp_path, classes=CLASSES, overwrite=False)
    sink.write(Result(frame=source_image(found), instances=found))
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
    sink = WRITERS[kind](tmp_path, classes=CLASSES, overwrite=False)
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write_all", full)
        with pytest.raises(OutputError, match="No space left on device") as caught:
            sink.write(Result(frame=source_image(found, name="a/b/photo"), instances=found))
    assert caught.value.hint == "free some space, or choose another path"
    assert not (tmp_path / FILES[kind]).exists()
    sink.close()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_folder_below_a_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """Before any frame is worked on."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        WRITERS[kind](tmp_path / "file" / "out", classes=CLASSES, overwrite=True)


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "", "a//b", ".", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, kind: str, name: str) -> None:
    """No result lands outside the folder."""
    found = example()
    out = tmp_path / "out"
    sink = WRITERS[kind](out, classes=CLASSES, overwrite=True)
    with pytest.raises(OutputError, match="does not name a file"):
        sink.write(Result(frame=source_image(found, name=name), instances=found))
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    assert not Path("/evil.txt").exists()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["x y", "ü\udcff", 'a"b', "a\nb", "..a", "a/.b/c"])
def test_odd_names_are_written(tmp_path: Path, kind: str, name: str) -> None:
    """Whatever a file may be called, its results can be written, and JSON stays JSON."""
    found = example()
    write(kind, tmp_path, [(source_image(found, name=name, source=f"in/{name}.jpg"), found)])
    if kind == "jsonl":
        assert lines_of(tmp_path / "results.jsonl")[0]["name"] == name
    elif kind == "coco":
        content = json.loads((tmp_path / "coco.json").read_text())
        assert content["images"][0]["file_name"] == f"{name}.jpg"
    elif kind == "csv":
        assert len((tmp_path / "results.csv").read_bytes()) > 300
    else:
        path = FILES[kind].replace("a/b/photo", name)
        assert (tmp_path / path.replace("photo_", f"{name.rpartition('/')[2]}_")).is_file()


@pytest.mark.parametrize("kind", FOLDERS)
def test_two_frames_of_one_name_are_noticed(tmp_path: Path, kind: str) -> None:
    """The second would silently replace the first."""
    found = example()
    sink = WRITERS[kind](tmp_path, classes=CLASSES, overwrite=False)
    sink.write(Result(frame=source_image(found), instances=found))
    with pytest.raises(OutputError, match="exists already"):
        sink.write(Result(frame=source_image(found), instances=found))
    sink.close()


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"masks"}))
def test_a_class_that_the_model_does_not_have_is_refused(tmp_path: Path, kind: str) -> None:
    """A name from the end of the list would be a silent mistake; no file is left."""
    found = example()
    sink = WRITERS[kind](tmp_path, classes=CLASSES[:3], overwrite=False)
    with pytest.raises(ShapeError, match=r"`class_ids` must lie in 0\.\.2, got 4"):
        sink.write(Result(frame=source_image(found), instances=found))
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_mask_image_holds_65535_instances(tmp_path: Path) -> None:
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
    sink = WRITERS["masks"](tmp_path, classes=CLASSES, overwrite=False)
    with pytest.raises(ShapeError, match="65536"):
        sink.write(Result(frame=source_image(none), instances=found))


def test_mask_images_open_in_opencv(tmp_path: Path) -> None:
    """Values above 255 survive, as 16-bit grey."""
    masks = Masks.from_dense(np.ones((300, 2, 2), dtype=np.bool_))
    found = Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.ones(300, dtype=np.float32),
        class_ids=np.zeros(300, dtype=np.int32),
    )
    write("masks", tmp_path, [(source_image(found), found)])
    values = cv2.imread(str(tmp_path / "masks" / "photo.png"), cv2.IMREAD_UNCHANGED)
    assert values is not None
    assert values.dtype == np.uint16
    assert values.tolist() == [[300, 300], [300, 300]]
