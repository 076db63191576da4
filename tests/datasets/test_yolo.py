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


def test_every_broken_line_is_named_and_counted(tmp_path: Path) -> None:
    """With its file and line; pictures without labels are only noted."""
    broken = ["0 0.1 0.1", f"3 {SQUARE}", "0 a 0 1 0 1 1", "0 0 0 2 0 1 1", "0", "0 .5 .5 .2 .2"]
    root = write_yolo(tmp_path)
    (root / "labels/train/a.txt").write_text("\n".join([f"1 {SQUARE}", "", *broken]))
    (root / "labels/train/b.txt").unlink()
    (root / "labels/val/x.txt").write_text("")
    report = check(open_dataset(root), workers=1)
    lines = [finding for finding in report.problems if "a.txt" in finding.where]
    assert [finding.where.rpartition(":")[2] for finding in lines] == list("345678")
    kinds = ["values", "label", "number", "outside", "polygon", "box"]
    assert [finding.kind for finding in lines] == kinds
    (other,) = [finding for finding in report.problems if finding not in lines]
    assert (other.kind, other.text) == ("missing", "has no picture")
    assert [finding.where for finding in report.notes] == ["train/b"]
    count = report.of_split("train")
    assert (count.images, count.labels) == (2, 1)
    samples = open_dataset(root)
    with pytest.raises(DatasetError, match=r"a\.txt:3.*and 5 more"):
        samples.find("a").segments(samples.classes)
    assert len(samples.find("b").segments(samples.classes)) == 0


def test_lists_do_not_lead_out_of_the_data(tmp_path: Path) -> None:
    """Pictures elsewhere are named, not read."""
    root = write_yolo(tmp_path / "set")
    outside = write_image(tmp_path / "images" / "secret.jpg")
    lines = ["images/train/a.jpg", "../images/secret.jpg", str(outside), "images/gone.jpg", "a.py"]
    (root / "list.txt").write_text("\n".join(lines))
    (root / "data.yaml").write_text("train: list.txt\nnames: [a, b]")
    samples = open_dataset(root)
    assert [sample.stem for sample in samples.samples] == ["a"]
    kinds = [finding.kind for finding in samples.findings if "list.txt" in finding.where]
    assert kinds == ["path", "path", "missing", "path"]
    assert f"{root / 'list.txt'}:2" in samples.problems[0]


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
