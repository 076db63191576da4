"""The folder that a run leaves, and what it says."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.evaluation.validation.scene import SIZE, Knowing, write_street
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.errors import OutputError
from urban_segmentor.evaluation import CocoMeter
from urban_segmentor.evaluation.metrics.evaluator import Evaluator
from urban_segmentor.evaluation.predictions import FramePrediction
from urban_segmentor.evaluation.validation.environment import about_run
from urban_segmentor.evaluation.validation.report import ReportFolder
from urban_segmentor.evaluation.validation.summary import figures, headline, markdown
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.evaluation.validation.worst_images import draw_worst
from urban_segmentor.reports.pages import PageFolder
from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_NAMES

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.structures.instances import Instances


def _half(sample: CityscapesFrame, instances: Instances) -> Instances:
    """Return what is true without the person, in the second frame without any thing."""
    keep = instances.class_ids != TRAIN_NAMES.index("person")
    if "000001" in sample.stem:
        keep &= instances.class_ids < TRAIN_NAMES.index("person")
    return instances.select(keep)


def _run(tmp_path: Path) -> tuple[dict[str, Any], Any, Knowing]:
    samples = read_layout(write_street(tmp_path / "data")).of_split("val")
    predictor = Knowing(_half)
    outcome = validate(samples, predictor)
    about = about_run(outcome) | {"split": "val", "images_in_split": 5, "model": "truth"}
    return figures(outcome.evaluation) | about, outcome, predictor


def test_a_summary_holds_fractions_and_none(tmp_path: Path) -> None:
    """Every figure is a fraction, or null where nothing is to be found; it is plain JSON."""
    summary, _, _ = _run(tmp_path)

    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["images"] == 3
    # Cars are found in two of three frames, the person in none.
    assert summary["classes"]["car"]["ap"] == pytest.approx(2 / 3)
    assert summary["classes"]["person"]["ap"] == 0
    assert summary["ap"] == pytest.approx(1 / 3)
    assert summary["classes"]["bus"]["ap"] is None
    assert summary["classes"]["road"]["ap"] is None
    assert summary["classes"]["road"]["pq"] == 1
    assert summary["classes"]["car"]["rq"] == pytest.approx(0.8)
    assert summary["classes"]["person"]["objects"] == 3
    assert 0 < summary["pq"] < 1
    assert summary["label_sizes"] == {"256x128": 3}


def test_a_summary_says_what_was_compared(tmp_path: Path) -> None:
    """How many pictures, of how many, at what size, and which rules."""
    summary, _, _ = _run(tmp_path)
    text = "\n".join(headline(summary))
    assert "only 3 of 5 pictures of `val`" in text
    assert "256x128" in text
    assert "cityscapesScripts" in text
    assert "faster-coco-eval" in text
    assert "all 3 pictures" in headline(summary | {"images_in_split": 3})[0]
    page = markdown(summary | {"problems": ["a frame is broken"]})
    assert "| car | 66.7 | 66.7 | 80.0 " in page.replace("|  |", "| |")
    assert "- a frame is broken" in page


def test_figures_of_nothing() -> None:
    """Without predictions of a kind its figures are null, not 0."""
    evaluator = Evaluator(TRAIN_NAMES)
    truth = np.full(SIZE, 7, dtype=np.int32)
    evaluator.add(truth, label_ids=np.full(SIZE, 7, dtype=np.uint8))
    summary = figures(evaluator.result())
    assert summary["miou"] == 1
    assert summary["ap"] is summary["pq"] is summary["coco"] is None
    assert evaluator.quality() == 1


def test_the_folder_has_everything(tmp_path: Path) -> None:
    """Figures, tables, curves, confusion, the worst frames first, kept predictions."""
    summary, outcome, predictor = _run(tmp_path)
    target = tmp_path / "out"
    folder = ReportFolder(target, kinds=("coco",), class_names=TRAIN_NAMES, overwrite=False)
    samples = [frame.sample for frame in outcome.frames]
    with folder:
        validate(samples, predictor, on_predicted=folder.keep)
    written = folder.write(summary, outcome, predictor, worst=2)

    assert all(path.exists() for path in written)
    names = sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())
    assert names == [
        "coco.json",
        "confusion.png",
        "precision_recall.png",
        "report.html",
        "val.json",
        "val.md",
        "worst/01_town_000001_000019.jpg",
        "worst/02_town_000000_000019.jpg",
    ]
    assert json.loads((target / "val.json").read_text()) == summary
    for path in target.rglob("*.*g"):
        source_image = cv2.imread(str(path))
        assert source_image is not None
        assert source_image.std() > 5
    kept = json.loads((target / "coco.json").read_text())
    assert [image["file_name"][:12] for image in kept["images"]] == [
        "town_000000_",
        "town_000001_",
        "town_000002_",
    ]
    assert {(image["height"], image["width"]) for image in kept["images"]} == {SIZE}
    with pytest.raises(OutputError, match="exists already"):
        ReportFolder(target, kinds=(), class_names=TRAIN_NAMES, overwrite=False)


@pytest.mark.parametrize("kind", ["instances", "label_ids"])
def test_the_gallery_draws_all_kinds(tmp_path: Path, kind: str) -> None:
    """Predictions without a map are drawn as what they are."""
    samples = read_layout(write_street(tmp_path, frames=1)).of_split("val")

    class Partial(Knowing):
        def __call__(self, sample: CityscapesFrame, *, size: tuple[int, int]) -> FramePrediction:
            found = super().__call__(sample, size=size)
            kinds = {"instances": found.instances, "panoptic": None, "label_ids": found.label_ids}
            left_out = {"instances", "label_ids"} - {kind}
            return FramePrediction(**kinds | dict.fromkeys(left_out))

    outcome = validate(samples, Partial())
    out = PageFolder(tmp_path, overwrite=False)
    (shown,) = draw_worst(outcome.frames, Partial(), out)
    assert shown.path == "worst/01_town_000000_000019.jpg"
    quality = 100 * outcome.frames[0].quality
    assert shown.caption == f"town_000000_000019, {quality:.1f} %"
    sheet = cv2.imread(str(tmp_path / shown.path))
    assert sheet is not None
    assert shown.size == sheet.shape[1::-1]
    drawn = np.flatnonzero((sheet < 250).all(axis=2).mean(axis=1) > 0.9)  # the rest is paper
    above, below = sheet[drawn[0] :][:512, 20:-20], sheet[drawn[-1] - 511 :][:512, 20:-20]
    assert np.abs(above.astype(int) - below).mean() < 20  # the truth has the group besides
    sky = np.array(BY_NAME["sky"].color)[::-1]
    assert np.abs(above[200, 40] - (sky + 90) / 2).max() < 12


def test_the_page_tells_all_and_keeps_names_as_text(tmp_path: Path) -> None:
    """Figures, plots, the worst pictures, settings and versions, whatever a name is."""
    summary, outcome, predictor = _run(tmp_path)
    target, hostile = tmp_path / "out", "<script>1</script>"
    folder = ReportFolder(target, kinds=(), class_names=TRAIN_NAMES, overwrite=False)
    told = summary | {"model": hostile, "problems": [f"{hostile} is broken"]}
    folder.write(told, outcome, predictor, worst=2)
    page = (target / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 3
    row = ('<th scope="row">car</th>', *(f'<td class="figure">{x}</td>' for x in (66.7, 66.7)))
    assert "\n".join(row) in page
    shown = re.findall(r'src="([^"]+)"', page)
    assert shown == [
        "precision_recall.png",
        "confusion.png",
        "worst/01_town_000001_000019.jpg",
        "worst/02_town_000000_000019.jpg",
    ]
    assert all((target / name).is_file() for name in shown)
    assert "town_000001_000019, " in page
    assert "faster-coco-eval" in page


def test_what_is_missing_has_a_reason() -> None:
    """Kinds that were not predicted, and labels that have no official figures."""
    evaluator = Evaluator(TRAIN_NAMES)
    truth = np.full(SIZE, 7, dtype=np.int32)
    evaluator.add(truth, label_ids=np.full(SIZE, 7, dtype=np.uint8))
    about = {"images_in_split": 1, "label_sizes": {}, "truth": {}, "split": "val", "model": "m"}
    summary = figures(evaluator.result()) | about
    text = "\n".join(headline(summary))
    assert "no instance AP: there are no instances with scores" in text
    assert "no PQ: there are no panoptic maps" in text
    assert "no mIoU" not in text
    noted = headline(summary | {"notes": ["no official figures: other classes"]})
    assert "no official figures: other classes" in noted
    assert not any("no instance AP:" in line for line in noted)


def test_parts_add_up() -> None:
    """An evaluator of two parts gives the figures of the whole."""
    rng = np.random.default_rng(3)
    whole, parts = Evaluator(TRAIN_NAMES), [Evaluator(TRAIN_NAMES) for _ in range(2)]
    for i in range(6):
        truth = rng.choice([7, 8, 23], (20, 30)).astype(np.int32)
        labels = rng.choice([7, 8], (20, 30)).astype(np.uint8)
        whole.add(truth, label_ids=labels)
        parts[i // 3].add(truth, label_ids=labels)
    parts[0].merge(parts[1])
    assert figures(parts[0].result()) == figures(whole.result())
    assert not math.isnan(whole.quality())
    assert CocoMeter(TRAIN_NAMES).dataset()["images"] == []
