"""What conversions write of drawn streets stays the same to the byte."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.convert.options import ConversionOptions, Format
from urban_segmentor.datasets.convert.prepare import prepare
from urban_segmentor.datasets.dataset_classes import Stuff, parse_dataset_classes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

POLYGONS = "3e06cc1f28848f79"
"""Another hash means that the streets are drawn otherwise, and that the others change with it."""

FILES = {
    "yolo": "labels/*/*.txt",
    "coco": "annotations/*.json",
    "panoptic": "cityscapes_panoptic_*.json",
}


def digest(paths: Iterable[Path]) -> str:
    """Return the first letters of a hash over the names and contents of files."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(f"{path.parent.name}/{path.name}\0".encode() + path.read_bytes())
    return whole.hexdigest()[:16]


def test_the_streets_are_those_that_were_hashed(street_data: Path) -> None:
    """The polygons, of which all that is written below is made."""
    assert digest(street_data.glob("gtFine/*/*/*.json")) == POLYGONS


@pytest.mark.parametrize(
    ("form", "stuff", "expected"),
    [
        ("yolo", "regions", "a6966d0033df2fcb"),
        ("yolo", "whole", "1345b20337b9e367"),
        ("coco", "regions", "1072fb003cf8ff04"),
        ("coco", "whole", "9c2156deccceea6b"),
        ("panoptic", "regions", "61122d68568cf31b"),
    ],
)
def test_files_stay_as_they_were(
    street_data: Path, tmp_path: Path, form: Format, stuff: Stuff, expected: str
) -> None:
    """Texts and JSON of every format, stuff cut into regions and left whole."""
    layout = read_layout(street_data)
    classes = parse_dataset_classes("19")
    how = ConversionOptions(out=tmp_path / "out", format=form, classes=classes, stuff=stuff)
    report = prepare(layout, how, splits=layout.splits, workers=1)
    assert not report["problems"]
    assert digest(how.out.glob(FILES[form])) == expected
