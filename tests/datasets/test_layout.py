"""Which files belong together, and what is said of folders that are something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from urban_segmentor.datasets.cityscapes.layout import cityscapes_set, read_layout
from urban_segmentor.errors import DatasetError, SettingError

if TYPE_CHECKING:
    from pathlib import Path


def make(root: Path, *names: str) -> Path:
    """Make empty files, and return the folder."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_pairs(tmp_path: Path) -> None:
    """By split, city and name; PNG or JPEG; other files do not count."""
    root = make(
        tmp_path,
        "gtFine/val/ulm/ulm_1_gtFine_polygons.json",
        "gtFine/val/ulm/ulm_1_gtFine_labelIds.png",
        "gtFine/train/bonn/bonn_2_gtFine_polygons.json",
        "gtFine/train/bonn/.bonn_3_gtFine_polygons.json",
        "gtFine/train/bonn/notes.txt",
        "gtFine/.cache/bonn/bonn_3_gtFine_polygons.json",
        "leftImg8bit/val/ulm/ulm_1_leftImg8bit.jpg",
        "leftImg8bit/val/ulm/ulm_1_rightImg8bit.png",
        "leftImg8bit/train/bonn/bonn_4_leftImg8bit.png",
    )
    layout = read_layout(root)
    assert layout.splits == ("train", "val")
    found = {
        one.name: (one.polygons is not None, one.image_path is not None) for one in layout.frames
    }
    assert found == {
        "train/bonn/bonn_2": (True, False),
        "train/bonn/bonn_4": (False, True),
        "val/ulm/ulm_1": (True, True),
    }
    (ulm,) = layout.of_split("val")
    assert cityscapes_set(layout).find("x/ulm_1_gtFine_color.png") == ulm
    assert ulm.ground_truth("labelIds") == root / "gtFine/val/ulm/ulm_1_gtFine_labelIds.png"
    assert ulm.ground_truth("instanceIds") is None
    lacking = [one.lacking for one in layout.frames]
    assert lacking == ["has no picture", "has no polygons file", None]
    with pytest.raises(SettingError, match="no split `test`"):
        layout.of_split("test")
    with pytest.raises(SettingError, match="no frame `ulm_2`"):
        cityscapes_set(layout).find("ulm_2")


def test_labels_as_images_only(tmp_path: Path) -> None:
    """They cannot be converted, and that is what is said."""
    root = make(
        tmp_path,
        "gtFine/val/ulm/ulm_1_gtFine_labelIds.png",
        "gtFine/val/ulm/ulm_1_gtFine_instanceIds.png",
        "leftImg8bit/val/ulm/ulm_1_leftImg8bit.png",
    )
    text = read_layout(root).frames[0].lacking
    assert text is not None
    assert text.startswith("has no polygons file, only pictures of labels (labelIds, instanceIds)")


@pytest.mark.parametrize(
    ("names", "said", "hint"),
    [
        ([], "found nothing", "data download"),
        (["a.txt", "b/c.txt"], "found `a.txt`, `b/`", "data download"),
        ([f"{i:02d}" for i in range(20)], "`07` and 12 more", "data download"),
        (["leftImg8bit.zip", "gtFine.zip"], "looked for", "unpack gtFine.zip, leftImg8bit.zip"),
        (["data/gtFine/val/ulm/x"], "looked for", "did you mean `{root}/data`?"),
        (["gtFine/val/ulm/x"], "has no `gtFine/SPLIT/CITY/", "unpack the archives there"),
        (["gtFine"], "looked for the folders", "data download"),
    ],
)
def test_other_folders(tmp_path: Path, names: list[str], said: str, hint: str) -> None:
    """What was looked for, what was found, and where the right one may be."""
    root = make(tmp_path / "root", *names)
    root.mkdir(exist_ok=True)
    with pytest.raises(DatasetError) as caught:
        read_layout(root)
    assert said in str(caught.value)
    assert hint.format(root=root) in (caught.value.hint or "")


def test_a_folder_too_deep(tmp_path: Path) -> None:
    """Whoever names `gtFine` itself hears which folder is meant."""
    root = make(tmp_path, "gtFine/val/ulm/ulm_1_gtFine_polygons.json")
    with pytest.raises(DatasetError) as caught:
        read_layout(root / "gtFine")
    assert caught.value.hint == f"did you mean `{root}`?"


@pytest.mark.parametrize(
    ("path", "said", "hint"),
    [
        ("nowhere", "there is no folder", "has no `nowhere`"),
        ("citiscapes", "there is no folder", "did you mean `{root}/cityscapes`?"),
        ("data.yml", "there is no file", "did you mean `{root}/data.yaml`?"),
        ("nowhere/val.json", "there is no file", "there is no folder `{root}/nowhere` either"),
        ("data.yaml", "is a file, expected a folder", "give a folder, such as `{root}`"),
    ],
)
def test_a_path_that_leads_nowhere(tmp_path: Path, path: str, said: str, hint: str) -> None:
    """The hint is about the path: nobody who mistyped one wants a download."""
    make(tmp_path, "cityscapes/a.txt", "data.yaml")
    with pytest.raises(DatasetError, match=said) as caught:
        read_layout(tmp_path / path)
    assert hint.format(root=tmp_path) in str(caught.value.hint)
    assert "download" not in str(caught.value.hint)
