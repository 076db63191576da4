"""The report of a conversion as a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.convert.options import ConversionOptions
from urban_segmentor.datasets.convert.output_folder import finish_conversion
from urban_segmentor.datasets.convert.prepare import prepare
from urban_segmentor.datasets.convert.report_page import write_page
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.structures.cityscapes_labels import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.datasets.convert.options import Format

ALL = parse_dataset_classes("19")


def convert_all(
    data: Path, out: Path, form: Format = "yolo"
) -> tuple[ConversionOptions, dict[str, Any]]:
    """Convert a folder; return how, and its report."""
    how = ConversionOptions(out=out, format=form, classes=ALL)
    return how, prepare(read_layout(data), how, splits=["train", "val"], workers=1)


@pytest.mark.parametrize("form", ["yolo", "coco", "panoptic"])
def test_the_page_tells_what_the_report_says(
    street_data: Path, tmp_path: Path, form: Format
) -> None:
    """Every class with its figures, all settings, and pictures that are there."""
    _, report = convert_all(street_data, tmp_path / "out", form)
    path = write_page(tmp_path / "out", report)
    assert path == tmp_path / "out" / "report.html"
    text = path.read_text(encoding="utf-8")
    assert "10 pictures were converted: 8 of train, 2 of val." in " ".join(text.split())
    for name, count in report["classes"].items():
        row = [count[key] for key in ("segments", "groups", "bridged", "pixels", "lost", "added")]
        cells = "\n".join(f'<td class="figure">{value:,}</td>' for value in row)
        assert f'<th scope="row">{name}</th>\n{cells}' in text
    assert ("mean IoU" in text) == (form == "yolo")
    assert "numpy" in text
    assert "road, sidewalk, building" in text
    shown = re.findall(r'src="([^"]+)"', text)
    assert set(shown) == {f"report/{p.name}" for p in (tmp_path / "out" / "report").iterdir()}
    assert sum("/train_" in name for name in shown) >= 3
    assert sum("/val_" in name for name in shown) == 2  # there are no more


def test_frames_worth_seeing_are_there_while_the_records_are(
    street_data: Path, tmp_path: Path
) -> None:
    """Those with most bridges and so on; afterwards all are picked at random."""
    how, report = convert_all(street_data, tmp_path / "out")
    before = write_page(how.out, report).read_text(encoding="utf-8")
    assert "most segments joined by bridges, " in before
    finish_conversion(how, report)
    after = write_page(how.out, report).read_text(encoding="utf-8")
    assert "most segments" not in after
    assert "at random" in after


def test_images_show_what_was_written(street_data: Path, tmp_path: Path) -> None:
    """Whoever changes the label files changes the page's pictures."""
    how, report = convert_all(street_data, tmp_path / "out")
    write_page(how.out, report)
    before = {p.name: p.read_bytes() for p in (how.out / "report").iterdir()}
    for labels in (how.out / "labels").rglob("*.txt"):
        labels.write_text("10 0 0 1 0 1 1 0 1\n", encoding="ascii")  # sky everywhere
    for ignored in (how.out / "ignored").rglob("*.txt"):
        ignored.unlink()
    write_page(how.out, report)
    for name, old in before.items():
        new = (how.out / "report" / name).read_bytes()
        assert new != old
        stem = name.partition("_")[2].removesuffix(".jpg")
        image = next((how.out / "images").rglob(f"{stem}_*"))
        expected = 0.5 * cv2.imread(str(image), cv2.IMREAD_COLOR_RGB).astype(float)
        expected += 0.5 * np.array(BY_NAME["sky"].color)
        drawn = cv2.imdecode(np.frombuffer(new, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert np.abs(drawn[8:-8, 8:-8] - expected[8:-8, 8:-8]).mean() < 8


def test_problems_are_listed_and_harmless(street_data: Path, tmp_path: Path) -> None:
    """A picture that is gone leaves the page whole; names cannot add markup."""
    how, report = convert_all(street_data, tmp_path / "out")
    for image in (how.out / "images" / "val").iterdir():
        image.unlink()
        image.write_bytes(b"nothing")
    report["problems"] = ["`<b>x</b>` has no picture"]
    text = write_page(how.out, report).read_text(encoding="utf-8")
    assert "What could not be read" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert text.count("is damaged or no picture") == 2
    assert not list((how.out / "report").glob("val_*"))
