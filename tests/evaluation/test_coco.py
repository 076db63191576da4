"""AP of masks and boxes as pycocotools computes them."""

from __future__ import annotations

import contextlib
import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.evaluation import scenes
from urban_segmentor.evaluation import CocoMeter, coco_ap

if TYPE_CHECKING:
    from urban_segmentor.evaluation.metrics.coco_ap import CocoFigures


def _pycocotools(meter: CocoMeter, kind: str) -> tuple[list[float], Any]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = meter.dataset()
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes(meter.detections()), kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return [math.nan if value == -1 else value for value in run.stats[:6]], run


def _figures(figures: CocoFigures) -> list[float]:
    return [figures.ap, figures.ap50, figures.ap75, *figures.by_size.values()]


@pytest.mark.parametrize("seed", range(8))
def test_figures_are_those_of_pycocotools(seed: int) -> None:
    """All twelve figures and those of each class, masks and boxes."""
    rng = np.random.default_rng(seed)
    meter = CocoMeter(scenes.NAMES)
    for _ in range(8):
        ids = scenes.truth(rng, size=(150, 220))
        meter.add(scenes.instances(rng, ids), ids)
    ours = meter.result()

    for kind, figures in (("segm", ours.mask), ("bbox", ours.box)):
        theirs, run = _pycocotools(meter, kind)
        np.testing.assert_allclose(_figures(figures), theirs, atol=1e-9)
        table = run.eval["precision"][:, :, :, 0, -1]
        for category, ap in zip(range(8), figures.classes.values(), strict=True):
            own = table[:, :, category][table[:, :, category] > -1]
            assert (math.isnan(ap) and not len(own)) or abs(ap - own.mean()) < 1e-9


def test_images_of_two_meters_add_up() -> None:
    """Meters of parts give the figures of the whole."""
    rng = np.random.default_rng(5)
    truths = [scenes.truth(rng) for _ in range(6)]
    found = [scenes.instances(rng, ids) for ids in truths]
    first, second = CocoMeter(scenes.NAMES), CocoMeter(scenes.NAMES)
    for meter, part in ((first, slice(0, 2)), (second, slice(2, 6))):
        for instances, ids in zip(found[part], truths[part], strict=True):
            meter.add(instances, ids)
    first.merge(second)

    whole = coco_ap(found, truths, class_names=scenes.NAMES)

    assert first.result().images == whole.images == 6
    np.testing.assert_array_equal(_figures(first.result().mask), _figures(whole.mask))


def test_nothing_found_is_zero_and_nothing_to_find_is_nan() -> None:
    """Zero is for what was missed, NaN for what does not occur."""
    ids = np.zeros((40, 60), dtype=np.int32)
    nothing = scenes.of_masks(np.zeros((0, 40, 60), dtype=np.bool_), [], np.zeros(0, np.float32))

    assert math.isnan(coco_ap([nothing], [ids], class_names=scenes.NAMES).mask.ap)

    ids[5:30, 5:30] = 26001
    result = coco_ap([nothing], [ids], class_names=scenes.NAMES)
    assert result.mask.ap == result.box.ap50 == result.mask.classes["car"] == 0
    assert math.isnan(result.mask.classes["bus"])
    assert result.mask.by_size["small"] == 0
    assert math.isnan(result.mask.by_size["large"])
