"""Data sets in YOLO's format, and what may be wrong with them."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.datasets.own_data import NAMES, SQUARE, write_image, write_yolo
from tests.strategies import mask_stacks
from urban_segmentor.datasets.check import check
from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.datasets.yolo import YoloSample
from urban_segmentor.datasets.yolo_labels import read_yolo_labels
from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.polygons import bridged_polygon, polygons_to_mask
from urban_segmentor.structures.yolo_lines import yolo_lines


def test_folder_and_yaml_are_the_same(tmp_path: Path) -> None:
    """Names as a map, folders relative to the file."""
    samples = open_dataset(write_yolo(tmp_path))
    assert samples == open_dataset(tmp_path / "data.yaml")
    assert samples.classes.names == NAMES
    assert samples.splits == ("train", "val")
    assert [one.name for one in samples.samples] == ["train/a", "train/b", "val/c"]
    segments = samples.find("a").segments(samples.classes)
    assert segments.class_ids.tolist() == [0, 1]
    assert segments.masks.areas()[0] == 33 * 25
    assert all(label.is_thing for label in samples.classes.labels)  # traffic lights too


@pytest.mark.parametrize(
    ("yaml", "found"),
    [
        ("train: [images/train, images/val]\nnames: [dog, car, bus]", ["a", "b", "c"]),
        ("train: train.txt\nnames: [dog, car, bus]", ["b"]),
        ("train: ../images/val\nnames: [dog, car, bus]", ["c"]),  # as exports have it
        ("path: ROOT\nval: images/val\ntest: images/none\nnames: [dog, car, bus]", ["c"]),
        ("train:\nvalidation: images/val\nnames: [dog, car, bus]", ["c"]),
        ("train: images\nnames: [dog, car, bus]", ["a", "b", "c"]),
    ],
)
def test_splits_are_folders_lists_and_texts(tmp_path: Path, yaml: str, found: list[str]) -> None:
    """As Ultralytics takes them."""
    root = write_yolo(tmp_path / "set")
    (root / "train.txt").write_text("./images/train/b.jpg\n\nimages/train/b.jpg\n")
    (root / "data.yaml").write_text(yaml.replace("ROOT", str(root)))
    assert [sample.stem for sample in open_dataset(root).samples] == found


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("names: [", "is no YAML"),
        ("- 1", "expected a table"),
        ("train: images/train", "lists no class names"),
        ("train: images/train\nnames: {0: a, 2: b}", "numbers its classes"),
        ("train: images/train\nnames: [a, a]", "two classes `a`"),
        ("train: images/train\nnames: [a, [b]]", "a class 1 without a name"),
        ("names: [a]", "neither `train` nor `val`"),
        ("train: nowhere\nnames: [a]", "there is no `"),
        ("train: 3\nnames: [a]", "expected a folder"),
        ("path: /nowhere\ntrain: images\nnames: [a]", "no folder `/nowhere`"),
        ("path: [.]\ntrain: images\nnames: [a]", "has the path a list"),
        ("x: &a [*a]\nnames: *a", "a class 0 without a name"),
        ("#" * 2**21, "are read"),
    ],
)
def test_damaged_yaml_is_named(tmp_path: Path, yaml: str, said: str) -> None:
    """With the file, and what was expected."""
    root = write_yolo(tmp_path)
    (root / "data.yaml").write_text(yaml)
    with pytest.raises(DatasetError) as caught:
        open_dataset(root)
    assert said in str(caught.value)
    assert "data.yaml" in str(caught.value)


def test_a_split_that_has_gone_is_named(tmp_path: Path) -> None:
    """The others are read all the same; `test` is what many name and few have."""
    root = write_yolo(tmp_path)
    (root / "data.yaml").write_text("train: images/train\nval: gone\ntest: gone\nnames: [a, b]")
    report = check(open_dataset(root), workers=1)
    (problem,) = report.problems
    assert problem.where == str(root / "data.yaml")
    assert problem.text.startswith("names `gone` for `val`, and there is no `")
    assert report.of_split("train").images == 2
    assert any("names `gone` for `test`" in note.text for note in report.notes)


def test_pictures_beside_their_labels(tmp_path: Path) -> None:
    """Without a folder `images`; other texts there are no labels, hidden files no pictures."""
    image = write_image(tmp_path / "all" / "one.jpg")
    for name in (".two.jpg", "notes.doc"):
        (image.parent / name).write_bytes(image.read_bytes())
    (image.parent / "one.txt").write_text(f"1 {SQUARE}")
    (image.parent / "one.ignored").write_text(f"0 {SQUARE}")
    (image.parent / "README.txt").write_text("my pictures")
    (tmp_path / "data.yaml").write_text("train: all\nnames: [dog, car]")
    samples = open_dataset(tmp_path)
    assert not check(samples, workers=1).problems
    (sample,) = samples.samples
    segments = sample.segments(samples.classes)
    assert segments.class_ids.tolist() == [1, 0]
    assert segments.is_crowd.tolist() == [False, True]


def test_an_object_without_a_pixel(tmp_path: Path) -> None:
    """A polygon on the right edge is good, and covers nothing; the others stay."""
    root = write_yolo(tmp_path, lines=f"0 1 0 1 0.5 1 1\n1 {SQUARE}\n")
    samples = open_dataset(root)
    assert not check(samples, workers=1).problems
    assert samples.find("a").segments(samples.classes).class_ids.tolist() == [1]
    assert samples.find("a").image_name == "a.jpg"


def test_what_was_prepared_has_labels_for_each_picture(tmp_path: Path) -> None:
    """A label file that has gone is wrong there, not a picture with nothing in it."""
    root = write_yolo(tmp_path)
    (root / "data.yaml").rename(root / "cityscapes.yaml")
    (root / "labels/train/b.txt").unlink()
    (problem,) = check(open_dataset(root), workers=1).problems
    assert (problem.kind, problem.where) == ("missing", "train/b")
    assert problem.text == "has no label file"


def test_every_broken_line_is_named_and_counted(tmp_path: Path) -> None:
    """With its file and line; pictures without labels are only noted."""
    broken = ["0 0.1 0.1", f"3 {SQUARE}", "0 a 0 1 0 1 1", "0 0 0 2 0 1 1", "0", "0 .5 .5 .2 .2"]
    broken += ["0 0 1 b 0 1 1", "0 0 nan 1 0 1 1", f"{'9' * 5000} {SQUARE}", "é 0 0 1 0 1 1"]
    root = write_yolo(tmp_path)
    (root / "labels/train/a.txt").write_text("\n".join([f"1 {SQUARE}", "", *broken]))
    (root / "labels/train/b.txt").unlink()
    (root / "labels/val/x.txt").write_text("")
    report = check(open_dataset(root), workers=1)
    lines = [finding for finding in report.problems if "a.txt" in finding.where]
    assert [finding.where.rpartition(":")[2] for finding in lines] == [
        str(number) for number in range(3, 13)
    ]
    kinds = ["values", "label", "number", "outside", "polygon", "box"]
    kinds += ["number", "number", "label", "label"]
    assert [finding.kind for finding in lines] == kinds
    (other,) = [finding for finding in report.problems if finding not in lines]
    assert (other.kind, other.text) == ("missing", "has no picture")
    assert [finding.where for finding in report.notes] == ["train/b"]
    count = report.of_split("train")
    assert (count.images, count.labels) == (2, 1)
    samples = open_dataset(root)
    with pytest.raises(DatasetError, match=r"a\.txt:3.*and 9 more"):
        samples.find("a").segments(samples.classes)
    assert len(samples.find("b").segments(samples.classes)) == 0
    empty = samples.find("b")
    assert isinstance(empty, YoloSample)
    assert not empty.instance_ids().any()
    assert empty.class_ids() == frozenset()


def test_lists_do_not_lead_out_of_the_data(tmp_path: Path) -> None:
    """Pictures elsewhere are named, not read."""
    root = write_yolo(tmp_path / "set")
    outside = write_image(tmp_path / "images" / "secret.jpg")
    lines = ["images/train/a.jpg", "../images/secret.jpg", str(outside), "images/gone.jpg", "a.py"]
    lines += ["a\x1b[2Jb.jpg", "a/" * 3000 + "b.jpg"]
    (root / "list.txt").write_text("\n".join(lines))
    (root / "data.yaml").write_text("train: list.txt\nnames: [a, b]")
    samples = open_dataset(root)
    assert [sample.stem for sample in samples.samples] == ["a"]
    kinds = [finding.kind for finding in samples.findings if "list.txt" in finding.where]
    assert kinds == ["path", "path", "missing", "path", "path", "path"]
    assert f"{root / 'list.txt'}:2" in samples.problems[0]


def test_a_huge_list_is_not_read(tmp_path: Path) -> None:
    """It is something else; the other split is read."""
    root = write_yolo(tmp_path)
    (root / "list.txt").touch()
    os.truncate(root / "list.txt", 2**29)
    (root / "data.yaml").write_text("train: list.txt\nval: images/val\nnames: [dog, car]")
    samples = open_dataset(root)
    assert [sample.name for sample in samples.samples] == ["val/c"]
    (problem,) = samples.problems
    assert "list.txt` has 536870912 bytes, at most" in problem


def test_a_huge_label_file_is_not_read(tmp_path: Path) -> None:
    """It is something else."""
    path = tmp_path / "a.txt"
    path.touch()
    os.truncate(path, 2**27)
    with pytest.raises(DatasetError, match="are read"):
        read_yolo_labels(path, n_classes=1)


@given(mask_stacks(), st.integers(0, 2))
def test_what_is_written_is_read_back(stack: np.ndarray, class_id: int) -> None:
    """Pixel for pixel, holes and parts included."""
    full = [mask for mask in stack if mask.any()]
    assume(full)
    size = (stack.shape[1], stack.shape[2])
    rings = [np.floor(bridged_polygon(mask, origin=(0, 0))).astype(np.int32) for mask in full]
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.txt")
        path.write_bytes(b"".join(yolo_lines([class_id] * len(full), rings, image_size=size)))
        found = read_yolo_labels(path, n_classes=3)
    assert not found.findings
    for label, mask in zip(found.labels, full, strict=True):
        assert label.class_id == class_id
        back = polygons_to_mask([(label.ring * size[::-1]).astype(np.float32)], image_size=size)
        np.testing.assert_array_equal(back, mask)
