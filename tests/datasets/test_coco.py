"""Data sets as COCO has them, and what may be wrong with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from tests.datasets.own_data import BOX, SIZE, coco_content, write_coco, write_image
from urban_segmentor.datasets.check import check
from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of pycocotools
def test_masks_are_those_of_pycocotools(tmp_path: Path) -> None:
    """Polygons, run lengths, crowds; ids and categories in any order."""
    root = write_coco(tmp_path)
    oracle = COCO(str(root / "annotations" / "instances_val2017.json"))
    samples = open_dataset(root)
    assert samples.splits == ("train", "val")
    assert samples.classes.names == ("dog", "car")
    for image in oracle.loadImgs(oracle.getImgIds()):
        sample = samples.within("val").find(image["file_name"])
        segments = sample.segments(samples.classes)
        expected = oracle.loadAnns(oracle.getAnnIds(imgIds=[image["id"]], iscrowd=None))
        assert len(expected) == len(segments) == 2
        for i, entry in enumerate(expected):
            mask = oracle.annToMask(entry).astype(bool)
            np.testing.assert_array_equal(segments.masks.dense()[i], mask)
            name = samples.classes.names[segments.class_ids[i]]
            assert name == oracle.loadCats([entry["category_id"]])[0]["name"]
            assert bool(segments.is_crowd[i]) == bool(entry["iscrowd"])
    assert not check(samples, workers=1).problems


def test_one_file_and_other_places_for_images(tmp_path: Path) -> None:
    """Pictures beside the file, below `images`, in folders of the split."""
    for number, folder in enumerate((".", "images", "images/val", "val")):
        root = tmp_path / str(number)
        for stem in ("one", "two"):
            write_image(root / folder / f"{stem}.jpg")
        (root / "val.json").write_text(json.dumps(coco_content()))
        for path in (root, root / "val.json"):
            samples = open_dataset(path)
            assert [sample.name for sample in samples.frames] == ["val/one", "val/two"]
    exported = tmp_path / "exported" / "valid"
    for stem in ("one", "two"):
        write_image(exported / f"{stem}.jpg")
    (exported / "_annotations.coco.json").write_text(json.dumps(coco_content()))
    assert len(open_dataset(exported.parent).within("val").frames) == 2


@pytest.mark.parametrize(
    ("name", "why"), [("val.json", "it is no COCO data"), ("instances_val.json", "only `")]
)
def test_files_that_are_not_read_are_named(tmp_path: Path, name: str, why: str) -> None:
    """Each with the reason; nothing is wrong, and one file that was named has no others."""
    for stem in ("one", "two"):
        write_image(tmp_path / "images" / f"{stem}.jpg")
    (tmp_path / name).write_text(json.dumps(coco_content()))
    for other in ("a.json", "b.json"):
        (tmp_path / other).write_text('{"images": []}')
    report = check(open_dataset(tmp_path), workers=1)
    assert not report.problems
    told = report.summarize_notes()
    assert [text.split("`")[1] for text in told] == [f"{tmp_path / x}.json" for x in ("a", "b")]
    assert all(f"is left out: {why}" in text for text in told)
    assert not check(open_dataset(tmp_path / name), workers=1).notes
    for number in range(30):
        (tmp_path / f"more_{number}.json").write_text("{}")
    told = check(open_dataset(tmp_path), workers=1).summarize_notes()
    assert len(told) == 21
    assert told[-1] == "12 more files are left out like these"


def _changed(change: dict[str, Any]) -> dict[str, Any]:
    content = coco_content()
    content["annotations"][0] |= change
    return content


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"image_id": 5}, "unknown id", "image_id 5"),
        ({"image_id": [5]}, "unknown id", "image_id a list"),
        ({"image_id": 10**30}, "unknown id", "image_id a huge number"),
        ({"category_id": 1}, "unknown id", "category_id 1"),
        ({"id": 11}, "duplicate", "id 11"),
        ({"segmentation": []}, "box", "no mask"),
        ({"segmentation": [[]]}, "polygon", "empty polygon"),
        ({"segmentation": [[1, 2, 3, 4]]}, "values", "4 values"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "values", "7 values"),
        ({"segmentation": [[1, "a", 3, 4, 5, 6]]}, "number", "expected a list of numbers"),
        ({"segmentation": [BOX]}, "number", "expected a list of numbers"),
        ({"segmentation": [[0, 0, 1e99, 0, 5, 5]]}, "number", "beyond"),
        ({"segmentation": [[0, 0, 99, 0, 5, 5]]}, "outside", "19 px"),
        ({"segmentation": {"size": [4, 4], "counts": [16]}}, "size", "size 4, 4"),
        ({"segmentation": {"size": list(SIZE), "counts": [5]}}, "mask", "add up"),
        ({"segmentation": {"size": list(SIZE), "counts": "????"}}, "mask", "damaged"),
        ({"segmentation": {"size": list(SIZE), "counts": 5}}, "mask", "an object"),
        ({"segmentation": "x"}, "mask", "'x'"),
        ({"iscrowd": 7}, "entry", "iscrowd 7"),
    ],
)
def test_broken_annotations_are_named(
    tmp_path: Path, change: dict[str, Any], kind: str, said: str
) -> None:
    """With their place in the file; other pictures are not touched by them."""
    root = write_coco(tmp_path, _changed(change))
    samples = open_dataset(root).within("val")
    found = [one for one in check(samples, workers=1).problems if "val2017" in one.where]
    place = 1 if kind == "duplicate" else 0  # the second of two is the wrong one
    assert [(one.kind, one.where.rpartition(": ")[2]) for one in found] == [
        (kind, f"annotations[{place}]")
    ]
    assert said in found[0].text
    assert len(samples.find("two").segments(samples.classes)) == 2


@pytest.mark.parametrize(
    ("key", "entry", "kind"),
    [
        ("images", {"id": 7, "file_name": "x.jpg", "height": 9, "width": 9}, "duplicate"),
        ("images", {"id": 1, "file_name": "one.jpg", "height": 9, "width": 9}, "duplicate"),
        ("images", {"id": 1, "file_name": "../x.jpg", "height": 9, "width": 9}, "path"),
        ("images", {"id": 1, "file_name": "/etc/x.jpg", "height": 9, "width": 9}, "path"),
        ("images", {"id": 1, "file_name": "x.jpg", "height": 10**9, "width": 9**9}, "size"),
        ("images", {"id": 1.5, "file_name": "x.jpg", "height": 9, "width": 9}, "entry"),
        ("images", 3, "entry"),
        ("categories", {"id": 90, "name": "cat"}, "duplicate"),
        ("categories", {"id": 91, "name": "dog"}, "duplicate"),
        ("categories", {"name": "cat"}, "entry"),
    ],
)
def test_broken_images_and_categories_are_named(
    tmp_path: Path, key: str, entry: object, kind: str
) -> None:
    """The first of two of one id counts."""
    content = coco_content()
    content[key].append(entry)
    samples = open_dataset(write_coco(tmp_path, content)).within("val")
    found = [one for one in samples.findings if "val2017" in one.where]
    assert [(one.kind, one.where.rpartition(": ")[2]) for one in found] == [(kind, f"{key}[2]")]
    assert len(samples.samples) == 2


def test_missing_and_other_images_are_named(tmp_path: Path) -> None:
    """One that is gone, and one of another size."""
    root = write_coco(tmp_path)
    (root / "val2017" / "one.jpg").unlink()
    write_image(root / "val2017" / "two.jpg", (30, 40))
    samples = open_dataset(root).within("val")
    assert [sample.stem for sample in samples.frames] == ["two"]
    found = check(samples, workers=1).problems
    assert [(one.kind, one.where) for one in found] == [("missing", "val/one"), ("size", "val/two")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"images": [', "cannot be read as JSON"),
        ("[" * 10**5, "cannot be read as JSON"),
        ("", "is empty"),
        ("[]", "it is a list, expected an object"),
        ("{}", "`categories` is missing"),
        ('{"categories": [], "images": [], "annotations": []}', "lists no class names"),
        ('{"categories": [{"id": 1, "name": ""}], "images": [], "annotations": []}', "printed"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, text: str, said: str) -> None:
    """Never with a traceback."""
    path = tmp_path / "instances_val.json"
    path.write_text(text)
    for place in (path, tmp_path):
        with pytest.raises(DatasetError) as caught:
            open_dataset(place)
        assert said in str(caught.value)
        assert str(path) in str(caught.value)
