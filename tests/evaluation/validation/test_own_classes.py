"""Data sets of any classes are scored as COCO does, and classes are matched by their names."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.datasets.own_data import SIZE, coco_content, write_coco
from tests.evaluation.validation.scene import Knowing, write_street
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.convert.options import ConversionOptions
from urban_segmentor.datasets.convert.output_folder import finish_conversion
from urban_segmentor.datasets.convert.prepare import prepare
from urban_segmentor.datasets.dataset_classes import own_classes, parse_dataset_classes
from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.errors import DatasetError
from urban_segmentor.evaluation.validation.predictors import as_predicted, model_classes
from urban_segmentor.evaluation.validation.scoring import (
    check_match,
    match_classes,
    scoring_for,
    why_not_official,
)
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.inference.panoptic_merge import PanopticConfig
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks
from urban_segmentor.structures.rle import encode_rle

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.datasets.convert.options import Format
    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.evaluation.predictions import FramePrediction

NAMES = ("cat", "car", "dog")  # of the model, in another order, and one more
IDS = {"car": 3, "dog": 90}


class Guessing:
    """Sees what is true, each object moved a little, and something that is not there.

    Args:
        classes: Those of the labels.
    """

    def __init__(self, classes: DatasetClasses) -> None:
        self.class_names, self.kind, self._classes = NAMES, "guess", classes

    def instances(self, sample: Sample) -> Instances:
        """Return what is seen."""
        rng = np.random.default_rng(len(sample.stem) + ord(sample.stem[0]))
        segments = sample.segments(self._classes)
        dense = [np.roll(m, rng.integers(-4, 4, 2), (0, 1)) for m in segments.masks.dense()]
        dense.append(rng.random(SIZE) < 0.5)
        masks = Masks.from_dense(np.stack(dense))
        names = [self._classes.names[i] for i in segments.class_ids] + ["cat"]
        return Instances(
            boxes=masks.rectangles(),
            masks=masks,
            scores=rng.permutation(len(names)).astype(np.float32) / 9,
            class_ids=np.array([NAMES.index(name) for name in names], dtype=np.int32),
            classes=model_classes(NAMES, self._classes),
        )

    def __call__(self, sample: Sample, *, size: tuple[int, int]) -> FramePrediction:
        """Return what is seen."""
        assert size == SIZE
        config = PanopticConfig(score=0, stuff_area_px=0)
        return as_predicted(self.instances(sample), class_names=NAMES, config=config, with_map=True)


def _areas(content: dict[str, Any], path: Path) -> None:
    """Write areas and boxes of the masks into a file, which pycocotools goes by."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
    for entry in content["annotations"]:
        rows, columns = np.nonzero(truth.annToMask(entry))
        entry["area"] = len(rows)
        x, y = int(columns.min()), int(rows.min())
        entry["bbox"] = [x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y]
    path.write_text(json.dumps(content))


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # of pycocotools
def test_coco_ap_is_that_of_pycocotools(tmp_path: Path) -> None:
    """Of masks and boxes, over all and by class."""
    root = write_coco(tmp_path)
    path = root / "annotations" / "instances_val2017.json"
    _areas(coco_content(), path)
    samples = open_dataset(root).within("val")
    predictor = Guessing(samples.classes)
    outcome = validate(samples.samples, predictor, scoring=scoring_for(samples.classes))
    assert outcome.evaluation.coco is not None
    assert outcome.evaluation.instance is outcome.evaluation.semantic is None
    assert outcome.evaluation.panoptic is None  # no class is stuff
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        found: list[dict[str, Any]] = []
        for image in truth.loadImgs(truth.getImgIds()):
            seen = predictor.instances(samples.find(image["file_name"]))
            rows = zip(seen.class_ids, seen.scores, seen.boxes, encode_rle(seen.masks), strict=True)
            for class_id, score, (x1, y1, x2, y2), rle in rows:
                if NAMES[class_id] in IDS:
                    found.append({
                        "image_id": image["id"], "category_id": IDS[NAMES[class_id]],
                        "score": float(score), "segmentation": rle,
                        "bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
                    })  # fmt: skip
        for kind, figures in (
            ("segm", outcome.evaluation.coco.mask),
            ("bbox", outcome.evaluation.coco.box),
        ):
            run = COCOeval(truth, truth.loadRes([dict(one) for one in found]), kind)
            run.evaluate()
            run.accumulate()
            run.summarize()
            assert 0 < figures.ap == pytest.approx(run.stats[0])
            assert figures.ap50 == pytest.approx(run.stats[1])
            for name, number in IDS.items():
                column = run.eval["precision"][:, :, sorted(IDS.values()).index(number), 0, -1]
                assert figures.classes[name] == pytest.approx(column[column > -1].mean())
    assert outcome.evaluation.objects == {"dog": 1, "car": 2}


@pytest.mark.parametrize("form", ["coco", "panoptic", "yolo"])
def test_what_was_prepared_has_official_figures(tmp_path: Path, form: Format) -> None:
    """Those of the folder that it was made from, to the pixel where the format allows it."""
    source = write_street(tmp_path / "source", frames=2)
    how = ConversionOptions(out=tmp_path / "made", format=form, classes=parse_dataset_classes("19"))
    finish_conversion(how, prepare(read_layout(source), how, splits=["val"], workers=1))
    made, original = open_dataset(how.out), open_dataset(source)
    assert why_not_official(made.classes) is None
    for sample in made.samples:
        before = original.find(sample.stem).instance_ids()
        same = sample.instance_ids() // 1000 == before // 1000
        assert same.mean() == 1 if form != "yolo" else same.mean() > 0.99
    predictor = Knowing()
    by_stem = {sample.stem: sample for sample in original.samples}

    class Elsewhere(Knowing):
        def __call__(self, sample: Sample, *, size: tuple[int, int]) -> FramePrediction:
            return predictor(by_stem[sample.stem], size=size)  # type: ignore[arg-type]

    outcome = validate(made.samples, Elsewhere(), scoring=scoring_for(made.classes))
    assert outcome.evaluation.instance is not None
    assert outcome.evaluation.instance.ap == pytest.approx(1)
    assert outcome.evaluation.panoptic is not None
    assert outcome.evaluation.panoptic.pq == pytest.approx(1, abs=0.01)


def test_panoptic_quality_where_there_is_stuff(tmp_path: Path) -> None:
    """A class that the file calls stuff; its regions are one segment."""
    content = coco_content()
    content["categories"][1] |= {"supercategory": "stuff"}
    samples = open_dataset(write_coco(tmp_path, content)).within("val")

    class Seeing(Guessing):
        def instances(self, sample: Sample) -> Instances:
            segments = sample.segments(self._classes)
            kept = np.flatnonzero(~segments.is_crowd)
            masks = segments.masks.select(kept)
            names = [self._classes.names[i] for i in segments.class_ids[kept]]
            return Instances(
                boxes=masks.rectangles(),
                masks=masks,
                scores=np.ones(len(masks), dtype=np.float32),
                class_ids=np.array([NAMES.index(name) for name in names], dtype=np.int32),
                classes=model_classes(NAMES, self._classes),
            )

    outcome = validate(
        samples.samples, Seeing(samples.classes), scoring=scoring_for(samples.classes)
    )
    assert outcome.evaluation.panoptic is not None
    assert outcome.evaluation.panoptic.pq == outcome.evaluation.panoptic.stuff.pq == 1
    assert outcome.evaluation.panoptic.classes["car"].true_positives == 2
    assert [frame.quality for frame in outcome.frames] == [1, 1]


def test_classes_are_matched_by_their_names() -> None:
    """None in common is an error with both lists; what one of them lacks is told."""
    classes = own_classes(["dog", "car"])
    assert match_classes(NAMES, classes) == ((), ("cat",))
    told = check_match(["car"], classes)
    assert "all 19 classes" in told[0]
    assert "count as 0: dog" in told[1]
    with pytest.raises(DatasetError, match="the model knows a, b; the labels have dog, car"):
        check_match(["a", "b"], classes)
