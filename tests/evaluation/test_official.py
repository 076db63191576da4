"""Every figure is that of the official scripts, on scenes that make evaluations differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.evaluation import official, scenes
from urban_segmentor.evaluation import (
    instance_ap,
    label_ids,
    mean_iou,
    panoptic_quality,
)
from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_NAMES

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = range(12)


def _same(ours: float, theirs: float) -> bool:
    return (math.isnan(ours) and math.isnan(theirs)) or abs(ours - theirs) < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_instance_ap_is_the_official_one(tmp_path: Path, seed: int) -> None:
    """AP and AP50, of all and of each class."""
    rng = np.random.default_rng(seed)
    truths = [scenes.truth(rng) for _ in range(8)]
    predictions = [scenes.instances(rng, ids) for ids in truths]

    paths = official.write_truth(tmp_path, truths)
    texts = official.write_instances(tmp_path, predictions, scenes.NAMES)
    theirs = official.instance_ap(tmp_path, texts, paths)
    ours = instance_ap(predictions, truths, class_names=scenes.NAMES)

    assert ours.images == 8
    assert _same(ours.ap, theirs["allAp"])
    assert _same(ours.ap50, theirs["allAp50%"])
    assert len(theirs["classes"]) == len(ours.classes) == 8
    for name, figures in theirs["classes"].items():
        assert _same(ours.classes[name].ap, figures["ap"]), name
        assert _same(ours.classes[name].ap50, figures["ap50%"]), name


@pytest.mark.parametrize("seed", SEEDS)
def test_panoptic_quality_is_the_official_one(tmp_path: Path, seed: int) -> None:
    """PQ, SQ and RQ of all, things and stuff, and PQ of each class."""
    rng = np.random.default_rng(seed)
    truths = [scenes.truth(rng) for _ in range(8)]
    predictions = [scenes.panoptic(rng, ids) for ids in truths]

    theirs = official.panoptic_quality(
        tmp_path, *official.write_panoptic(tmp_path, predictions, truths)
    )
    ours = panoptic_quality(predictions, truths, class_names=TRAIN_NAMES)

    for mine, other in ((ours, "All"), (ours.things, "Things"), (ours.stuff, "Stuff")):
        assert _same(mine.pq, theirs[other]["pq"])
        assert _same(mine.sq, theirs[other]["sq"])
        assert _same(mine.rq, theirs[other]["rq"])
    seen = 0
    for name, figures in ours.classes.items():
        expected = theirs["per_class"][BY_NAME[name].label_id]
        if figures.true_positives + figures.false_positives + figures.false_negatives:
            assert _same(figures.pq, expected["pq"]), name
            seen += 1
    assert seen == theirs["All"]["n"]


@pytest.mark.parametrize("seed", SEEDS)
def test_mean_iou_is_the_official_one(tmp_path: Path, seed: int) -> None:
    """IoU of all and of each class, and the pixels counted."""
    rng = np.random.default_rng(seed)
    truths = [scenes.truth(rng) for _ in range(5)]
    predictions = [label_ids(scenes.panoptic(rng, ids), class_names=TRAIN_NAMES) for ids in truths]

    paths = [path.replace("instance", "label") for path in official.write_truth(tmp_path, truths)]
    saved: list[str] = []
    for i, prediction in enumerate(predictions):
        saved.append(str(tmp_path / f"{i}.png"))
        cv2.imwrite(saved[-1], prediction)
    theirs = official.mean_iou(tmp_path, saved, paths)
    ours = mean_iou(predictions, truths)

    assert _same(ours.miou, theirs["averageScoreClasses"])
    for name, iou in ours.classes.items():
        assert _same(iou, theirs["classScores"][name]), name
    confusion = np.array(theirs["confMatrix"])[7:34]
    assert ours.confusion.sum() == sum(
        confusion[BY_NAME[name].label_id - 7].sum() for name in TRAIN_NAMES
    )
