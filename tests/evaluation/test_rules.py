"""Rules that a reader can check by hand, and input that does not fit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.evaluation import scenes
from urban_segmentor.errors import DatasetError, ShapeError
from urban_segmentor.evaluation import (
    InstanceApMeter,
    PanopticMeter,
    SemanticMeter,
    instance_ap,
    label_ids,
    mean_iou,
    panoptic_quality,
)
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES
from urban_segmentor.structures.panoptic import PanopticMap, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.instances import Instances

CAR = TRAIN_NAMES.index("car")


def _ids() -> NDArray[np.int32]:
    ids = np.full((60, 80), 7, dtype=np.int32)
    ids[10:40, 10:30] = 26001
    return ids


def _found(mask: NDArray[np.bool_]) -> Instances:
    """Return one car."""
    return scenes.of_masks(mask[None], [CAR], np.array([0.9], dtype=np.float32))


def test_a_perfect_prediction_has_all_figures_at_one() -> None:
    """One car, found."""
    ids = _ids()
    result = instance_ap([_found(ids == 26001)], [ids], class_names=TRAIN_NAMES)

    assert result.ap == result.ap50 == result.classes["car"].ap == 1
    assert math.isnan(result.classes["bus"].ap)
    assert result.by_size["small"] == 1
    assert math.isnan(result.by_size["large"])
    assert result.classes["car"].objects == result.classes["car"].predictions == 1


def test_classes_of_one_name_are_one_class() -> None:
    """A model whose class list has a name twice is scored on both together."""
    ids = _ids()
    ids[45:55, 40:70] = 26002
    masks = np.stack([ids == 26001, ids == 26002])
    found = scenes.of_masks(masks, [1, 2], np.array([0.9, 0.8], dtype=np.float32))
    result = instance_ap([found], [ids], class_names=("dog", "car", "car"))
    assert result.classes["car"].ap == 1
    assert result.classes["car"].objects == result.classes["car"].predictions == 2


def test_a_class_with_only_an_ignored_prediction_is_zero() -> None:
    """The official script fails here, see mcordts/cityscapesScripts#89."""
    ids = _ids()
    ids[45:55, 40:70] = 0  # void
    result = instance_ap([_found(ids == 0)], [ids], class_names=TRAIN_NAMES)

    assert result.ap == result.classes["car"].ap == 0


def test_sizes_of_others_are_ignored() -> None:
    """Of a large and a small car the large one is found."""
    ids = np.full((300, 400), 7, dtype=np.int32)
    ids[:150, :150] = 26001  # large
    ids[200:220, 200:220] = 26002  # small
    result = instance_ap([_found(ids == 26001)], [ids], class_names=TRAIN_NAMES)

    assert result.by_size["large"] == 1
    assert result.by_size["small"] == 0
    assert math.isnan(result.by_size["medium"])
    assert result.ap == 0.5


def test_a_prediction_of_everything_as_one_car_matches_nothing() -> None:
    """A segment over the whole picture."""
    ids = _ids()
    whole = PanopticMap(
        segment_ids=np.ones(ids.shape, dtype=np.int32),
        segments=(Segment(segment_id=1, class_id=CAR, is_thing=True, score=1.0, area_px=ids.size),),
    )
    result = panoptic_quality([whole], [ids], class_names=TRAIN_NAMES)

    assert result.pq == 0
    assert result.classes["car"].false_positives == result.classes["car"].false_negatives == 1
    assert result.classes["road"].false_negatives == 1
    assert mean_iou([label_ids(whole, class_names=TRAIN_NAMES)], [ids]).classes["car"] == 600 / 4800


def test_images_of_two_meters_add_up() -> None:
    """Meters of parts give the figures of the whole."""
    rng = np.random.default_rng(3)
    truths = [scenes.truth(rng) for _ in range(6)]
    instances = [scenes.instances(rng, ids) for ids in truths]
    maps = [scenes.panoptic(rng, ids) for ids in truths]
    labels = [label_ids(one, class_names=TRAIN_NAMES) for one in maps]
    ap = [InstanceApMeter(scenes.NAMES), InstanceApMeter(scenes.NAMES)]
    pq = [PanopticMeter(TRAIN_NAMES), PanopticMeter(TRAIN_NAMES)]
    iou = [SemanticMeter(), SemanticMeter()]
    for i, ids in enumerate(truths):
        ap[i % 2].add(instances[i], ids)
        pq[i % 2].add(maps[i], ids)
        iou[i % 2].add(labels[i], ids)
    for pair in (ap, pq, iou):
        pair[0].merge(pair[1])  # type: ignore[arg-type]

    assert ap[0].result().ap == instance_ap(instances, truths, class_names=scenes.NAMES).ap
    whole = panoptic_quality(maps, truths, class_names=TRAIN_NAMES)
    assert pq[0].result().pq == pytest.approx(whole.pq, abs=1e-12)
    assert pq[0].result().images == 6
    assert iou[0].result().miou == mean_iou(labels, truths).miou


def test_nothing_at_all_is_nan() -> None:
    """No picture, no figure."""
    assert math.isnan(instance_ap([], [], class_names=TRAIN_NAMES).ap)
    assert math.isnan(panoptic_quality([], [], class_names=TRAIN_NAMES).pq)
    assert math.isnan(mean_iou([], []).miou)


def test_ground_truth_that_does_not_fit_is_refused() -> None:
    """Other sizes, counts, values and dtypes."""
    ids = _ids()
    found = _found(ids == 26001)
    with pytest.raises(DatasetError, match=r"80 x 60 pixels, the prediction 40 x 60"):
        instance_ap([_found(ids[:, :40] == 26001)], [ids], class_names=TRAIN_NAMES)
    with pytest.raises(DatasetError, match="not as many"):
        instance_ap([found], [], class_names=TRAIN_NAMES)
    with pytest.raises(DatasetError, match="not as many"):
        instance_ap([found], [ids, ids], class_names=TRAIN_NAMES)
    with pytest.raises(DatasetError, match="label id 255"):
        instance_ap([found], [np.full_like(ids, 255)], class_names=TRAIN_NAMES)
    with pytest.raises(ShapeError, match="int32"):
        instance_ap([found], [ids.astype(np.uint16)], class_names=TRAIN_NAMES)  # type: ignore[list-item]


def test_predictions_that_do_not_fit_are_refused() -> None:
    """Classes, scores and segments that cannot be meant."""
    ids = _ids()
    found = _found(ids == 26001)
    with pytest.raises(DatasetError, match="class ids"):
        instance_ap([found], [ids], class_names=TRAIN_NAMES[:3])
    odd_score = replace(found, scores=np.array([np.nan], dtype=np.float32))
    with pytest.raises(DatasetError, match="finite"):
        instance_ap([odd_score], [ids], class_names=TRAIN_NAMES)
    with pytest.raises(DatasetError, match="label id 255"):
        mean_iou([np.full(ids.shape, 255, dtype=np.uint8)], [ids])
    segment = Segment(segment_id=2, class_id=CAR, is_thing=True, score=1.0, area_px=1)
    empty = PanopticMap(segment_ids=np.zeros(ids.shape, dtype=np.int32), segments=(segment,))
    with pytest.raises(DatasetError, match="segment 2 is empty"):
        panoptic_quality([empty], [ids], class_names=TRAIN_NAMES)
    painted = PanopticMap(segment_ids=np.full(ids.shape, 5, dtype=np.int32), segments=())
    with pytest.raises(DatasetError, match="segment 5 is painted but not listed"):
        panoptic_quality([painted], [ids], class_names=TRAIN_NAMES)
    odd = PanopticMap(
        segment_ids=np.full(ids.shape, 2, dtype=np.int32),
        segments=(replace(segment, class_id=99),),
    )
    with pytest.raises(DatasetError, match="class ids"):
        panoptic_quality([odd], [ids], class_names=TRAIN_NAMES)
