"""What is wrong with a Cityscapes folder, and what official data has too."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.evaluation.validation.scene import SIZE, box, street, write_frame
from urban_segmentor.datasets.check import check
from urban_segmentor.datasets.open_dataset import open_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.datasets.findings import Finding

STEM = "town_000000_000019"


def findings(root: Path, **options: Any) -> list[Finding]:  # noqa: ANN401
    """Return all findings but the counts of splits, which no small folder has right."""
    report = check(open_dataset(root), workers=1, **options)
    return [finding for finding in report.findings if finding.kind != "count"]


def only_finding(root: Path) -> tuple[str, bool, str]:
    """Return the kind of the only finding, whether it is wrong, and what it says."""
    (finding,) = findings(root)
    assert finding.where.endswith(STEM)
    return finding.kind, finding.wrong, finding.text


def test_a_good_folder(tmp_path: Path) -> None:
    """Counts by split and city, and nothing to find."""
    for split, stem in (("train", STEM), ("val", STEM), ("val", "ulm_000000_000019")):
        write_frame(tmp_path, stem, street(), split=split)
    frames: list[int] = []
    assert not findings(tmp_path, on_frame=lambda: frames.append(1))
    assert len(frames) == 3
    report = check(open_dataset(tmp_path), workers=1)
    assert sorted(report.groups["val"]) == ["town", "ulm"]
    assert (report.of_split("val").images, report.of_split("val").labels) == (2, 2)
    assert report.sizes == {SIZE: 3}
    texts = [finding.text for finding in report.notes]
    assert texts[0] == "has 1 pictures, the official data set has 2,975"


@pytest.mark.parametrize(
    ("objects", "kind", "wrong", "said"),
    [
        ([box("car", -15, 0, 9, 9)], "outside", False, "1 polygon reaches out"),
        ([box("car", -15, 0, 9, 9), box("car", 0, 0, 9, 140)], "outside", False, "by up to 15 px"),
        ([box("car", -99, 0, 9, 9)], "outside", True, "by up to 99 px"),
        ([box("ufo", 0, 0, 9, 9), box("car", 0, 0, 9, 9)], "label", True, "label `ufo`"),
        ([{**box("car", 0, 0, 9, 9), "deleted": 1}, *street()], "deleted", False, "1 object"),
        ([{"label": "car", "polygon": [[1, 2]]}, *street()], "polygon", True, "1 points"),
        ([{"polygon": []}, *street()], "polygon", True, "object 0 has no label"),
        ([box("out of roi", 0, 0, 9, 9)], "dummy", True, "no labels of any training class"),
        ([], "dummy", True, "no labels of any training class"),
    ],
)
def test_labels(
    tmp_path: Path, *, objects: list[dict[str, object]], kind: str, wrong: bool, said: str
) -> None:
    """What is wrong about them is told from what official labels have too."""
    write_frame(tmp_path, STEM, objects)
    found = only_finding(tmp_path)
    assert found[:2] == (kind, wrong)
    assert said in found[2]


def test_the_test_split_has_dummies(tmp_path: Path) -> None:
    """Which is as it should be; so is having no labels there at all."""
    write_frame(tmp_path, STEM, [box("out of roi", 0, 0, 9, 9)], split="test")
    assert only_finding(tmp_path)[:2] == ("dummy", False)
    shutil.rmtree(tmp_path / "gtFine")
    assert only_finding(tmp_path) == ("missing", False, "has no polygons file")
    (tmp_path / "leftImg8bit" / "test").rename(tmp_path / "leftImg8bit" / "val")
    assert only_finding(tmp_path) == ("missing", True, "has no polygons file")


def test_files(tmp_path: Path) -> None:
    """Missing, cut off, of another shape, no JSON."""
    write_frame(tmp_path, STEM, street())
    (image,) = tmp_path.rglob("*.png")
    (polygons,) = tmp_path.rglob("*.json")
    whole, content = image.read_bytes(), json.loads(polygons.read_text())
    image.write_bytes(whole[:-9])
    kind, wrong, text = only_finding(tmp_path)
    assert (kind, wrong) == ("unreadable", True)
    assert text.endswith("is cut off: its end is missing")
    image.unlink()
    assert only_finding(tmp_path) == ("missing", True, "has no picture")
    image.write_bytes(whole)
    half = {**content, "imgHeight": SIZE[0] * 2, "imgWidth": SIZE[1] * 2}
    polygons.write_text(json.dumps(half))
    assert only_finding(tmp_path)[:2] == ("size", False)
    polygons.write_text(json.dumps({**half, "imgWidth": SIZE[1] * 3}))
    assert only_finding(tmp_path)[:2] == ("size", True)
    polygons.write_text("[" * 100_000)
    kind, wrong, text = only_finding(tmp_path)
    assert (kind, wrong) == ("unreadable", True)
    assert "cannot be read as JSON" in text


def test_namesakes_in_two_cities(tmp_path: Path) -> None:
    """One of them could not be converted."""
    write_frame(tmp_path, STEM, street())
    for kind in ("gtFine", "leftImg8bit"):
        shutil.copytree(tmp_path / kind / "val" / "town", tmp_path / kind / "val" / "village")
    (finding,) = findings(tmp_path)
    assert finding == ("name", f"val/village/{STEM}", f"has the name of `val/town/{STEM}`", True)


def test_notes_are_summarize_notes(tmp_path: Path) -> None:
    """One line for each sort, however many frames."""
    for i in range(4):
        write_frame(tmp_path, f"town_{i:06d}_000019", [box("car", -5, 0, 9, 9)])
    report = check(open_dataset(tmp_path), workers=2)
    assert not report.problems
    first, *rest = report.summarize_notes()
    assert first.startswith("4 frames have polygons that reach out of the picture; for instance ")
    assert "`val/town/town_000000_000019`: 1 polygon reaches" in first
    assert len(rest) == 3
