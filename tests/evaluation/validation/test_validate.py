"""Predictions of a split scored, frame by frame."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.evaluation.validation.scene import (
    CAR,
    Knowing,
    box,
    street,
    true_instances,
    write_frame,
    write_street,
)
from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects
from urban_segmentor.datasets.samples import spread
from urban_segmentor.errors import DatasetError, SettingError
from urban_segmentor.evaluation import instance_ap
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.structures.instances import Instances


def test_what_is_true_scores_one(tmp_path: Path) -> None:
    """Every figure of a perfect prediction is 1, groups notwithstanding."""
    samples = read_layout(write_street(tmp_path)).of_split("val")

    outcome = validate(samples, Knowing())

    result = outcome.evaluation
    assert result.instance is not None
    assert result.panoptic is not None
    assert result.semantic is not None
    assert result.coco is not None
    assert result.instance.ap == result.instance.ap50 == pytest.approx(1)
    assert result.panoptic.pq == result.panoptic.sq == result.panoptic.rq == 1
    # The pixels of the group are cars, and nobody predicts them.
    assert result.semantic.classes["sky"] == result.semantic.classes["person"] == 1
    assert 0.5 < result.semantic.classes[CAR] < 1
    assert result.coco.mask.ap == pytest.approx(1)
    assert result.images == outcome.wanted == 3
    assert result.instance.classes[CAR].objects == 6
    assert [frame.quality for frame in outcome.frames] == [1, 1, 1]
    assert outcome.truth == {"polygons": 3}
    assert outcome.sizes == {(128, 256): 3}
    assert not outcome.problems


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_threads_do_not_change_figures(tmp_path: Path, workers: int) -> None:
    """Frames count in their own order, however many are in work at once."""
    samples = read_layout(write_street(tmp_path, frames=9)).of_split("val")

    def noisy(sample: CityscapesFrame, instances: Instances) -> Instances:
        rng = np.random.default_rng(int(sample.stem.split("_")[1]))
        keep = rng.random(len(instances)) < 0.7
        scores = rng.integers(1, 4, int(keep.sum())).astype(np.float32) / 4
        return replace(instances.select(keep), scores=scores)

    outcome = validate(samples, Knowing(noisy), workers=workers)

    found = [noisy(sample, true_instances(sample)) for sample in samples]
    truths = [sample.instance_ids() for sample in samples]
    expected = instance_ap(found, truths, class_names=TRAIN_NAMES)
    assert outcome.evaluation.instance is not None
    assert outcome.evaluation.instance.ap == expected.ap < 1
    assert [frame.sample for frame in outcome.frames] == list(samples)


def test_broken_frames_are_named_and_the_rest_counts(tmp_path: Path) -> None:
    """A damaged file costs its own frame, and nobody is told of three frames."""
    write_street(tmp_path)
    broken = tmp_path / "gtFine/val/town/town_000001_000019_gtFine_polygons.json"
    broken.write_text('{"imgHeight": 12')
    samples = read_layout(tmp_path).of_split("val")

    outcome = validate(samples, Knowing())

    assert outcome.evaluation.images == len(outcome.frames) == 2
    assert outcome.wanted == 3
    assert len(outcome.problems) == 1
    assert "town_000001_000019" in outcome.problems[0]


def test_damaged_polygons_are_no_ground_truth(tmp_path: Path) -> None:
    """A figure over labels that lack an object would be wrong."""
    write_frame(tmp_path, "town_000000_000000", [*street(), {"label": "car", "polygon": [[1, 2]]}])
    with pytest.raises(DatasetError, match="1 points"):
        read_layout(tmp_path).frames[0].instance_ids()


def test_nothing_scored_is_an_error(tmp_path: Path) -> None:
    """No figure comes out of no frame."""
    write_street(tmp_path)
    for path in tmp_path.rglob("*.json"):
        path.unlink()
    with pytest.raises(DatasetError, match="none of 3 frames"):
        validate(read_layout(tmp_path).of_split("val"), Knowing())


def test_dummy_labels_are_refused(tmp_path: Path) -> None:
    """Labels of the test split have nothing to find, so there is no figure."""
    write_frame(tmp_path, "town_000000_000000", [box("ego vehicle", 0, 0, 255, 127)], split="test")
    with pytest.raises(DatasetError, match="class that counts"):
        validate(read_layout(tmp_path).of_split("test"), Knowing())


def test_official_images_win_over_polygons(tmp_path: Path) -> None:
    """Where `instanceIds` lies beside the polygons it is the ground truth."""
    write_street(tmp_path, frames=1)
    sample = read_layout(tmp_path).frames[0]
    assert sample.polygons is not None
    ids = draw_objects(read_annotation(sample.polygons)).instance_ids()
    np.testing.assert_array_equal(sample.instance_ids(), ids)
    ids[0, 0] = 24005
    path = sample.polygons.with_name(f"{sample.stem}_gtFine_instanceIds.png")
    cv2.imwrite(str(path), ids.astype(np.uint16))

    np.testing.assert_array_equal(sample.instance_ids(), ids)
    assert validate([sample], Knowing()).truth == {"instanceIds": 1}


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16)],
    ids=["eight bits", "color"],
)
def test_other_images_are_no_ground_truth(tmp_path: Path, image: np.ndarray) -> None:
    """Instance ids are 16-bit and grey; anything else is refused."""
    write_street(tmp_path, frames=1)
    sample = read_layout(tmp_path).frames[0]
    assert sample.polygons is not None
    path = sample.polygons.with_name(f"{sample.stem}_gtFine_instanceIds.png")
    cv2.imwrite(str(path), image)
    with pytest.raises(DatasetError, match="16-bit"):
        sample.instance_ids()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DatasetError, match="16-bit"):
        sample.instance_ids()


def test_a_limit_spreads_evenly(tmp_path: Path) -> None:
    """A part of a split has frames of all its cities."""
    samples = read_layout(write_street(tmp_path, frames=10)).of_split("val")
    assert [sample.stem[5:11] for sample in spread(samples, 3)] == ["000000", "000003", "000006"]
    assert spread(samples, None) == spread(samples, 10) == spread(samples, 99) == samples
    with pytest.raises(SettingError, match="limit"):
        spread(samples, 0)


def test_without_maps_frames_are_ranked_by_ap(tmp_path: Path) -> None:
    """Things alone give AP; PQ and mIoU stay unknown rather than 0."""
    samples = read_layout(write_street(tmp_path)).of_split("val")

    class ThingsAlone(Knowing):
        def __call__(self, sample: CityscapesFrame, *, size: tuple[int, int]):  # noqa: ANN204
            predicted = super().__call__(sample, size=size)
            return type(predicted)(instances=predicted.instances, panoptic=None, label_ids=None)

    outcome = validate(samples, ThingsAlone())

    assert outcome.evaluation.panoptic is None
    assert outcome.evaluation.semantic is None
    assert outcome.evaluation.instance is not None
    assert [frame.quality for frame in outcome.frames] == [1, 1, 1]
    assert not math.isnan(outcome.evaluation.instance.ap)
