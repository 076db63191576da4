"""What `predict` saves is read back as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings

from tests.evaluation import scenes
from tests.evaluation.predictions import results
from tests.strategies import instances
from urban_segmentor.evaluation import label_ids
from urban_segmentor.evaluation.predictions import open_predictions
from urban_segmentor.inference.panoptic_merge import merge_panoptic, segments_as_instances
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES

if TYPE_CHECKING:
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.panoptic import PanopticMap

THINGS = ("person", "rider", "car", "truck", "bus", "caravan", "train", "bicycle")


def _assert_same(found: Instances | None, expected: Instances, *, precision: float) -> None:
    assert found is not None
    assert found.masks.image_size == expected.masks.image_size
    np.testing.assert_array_equal(found.masks.dense(), expected.masks.dense())
    np.testing.assert_allclose(found.scores, expected.scores, atol=precision)


@given(instances())
def test_coco_is_read_back(found: Instances) -> None:
    """Masks and classes without loss, scores to five decimals, boxes to two."""
    with tempfile.TemporaryDirectory() as folder:
        results.save("coco", Path(folder), [found], THINGS)
        saved = open_predictions(Path(folder, "coco.json"))
        read = saved.of(results.stem(0), size=found.masks.image_size)

    assert (saved.kind, saved.class_names) == ("COCO instances", THINGS)
    assert saved.stems == {results.stem(0)}
    _assert_same(read.instances, found, precision=6e-6)
    assert read.instances is not None
    np.testing.assert_array_equal(read.instances.class_ids, found.class_ids)
    np.testing.assert_allclose(read.instances.boxes, found.boxes, atol=6e-3)
    assert read.panoptic is read.label_ids is None


@settings(max_examples=25)
@given(instances())
def test_the_official_layout_is_read_back(found: Instances) -> None:
    """Masks, classes and scores without loss."""
    with tempfile.TemporaryDirectory() as folder:
        results.save("cityscapes", Path(folder), [found, found], THINGS)
        saved = open_predictions(Path(folder, "cityscapes"))
        read = saved.of(results.stem(1), size=found.masks.image_size).instances

    assert saved.kind == "Cityscapes instances"
    assert saved.stems == {results.stem(0), results.stem(1)}
    _assert_same(read, found, precision=0)
    assert read is not None
    for ours, theirs in zip(read.class_ids.tolist(), found.class_ids.tolist(), strict=True):
        assert saved.class_names[ours] == THINGS[theirs]


def _maps(seed: int) -> list[PanopticMap]:
    rng = np.random.default_rng(seed)
    found = [scenes.instances(rng, scenes.truth(rng)) for _ in range(3)]
    return [merge_panoptic(one) for one in found]


@pytest.mark.parametrize("seed", range(4))
def test_panoptic_maps_are_read_back(tmp_path: Path, seed: int) -> None:
    """The same segments, areas and scores, and the label ids that follow."""
    maps = _maps(seed)
    classes = known_classes(scenes.NAMES)
    found = [segments_as_instances(one, classes=classes) for one in maps]
    results.save("panoptic", tmp_path, found, scenes.NAMES)
    saved = open_predictions(tmp_path / "panoptic.json")

    assert saved.kind == "COCO panoptic"
    assert saved.class_names == scenes.NAMES
    assert len(saved.stems) == 3
    for i, expected in enumerate(maps):
        read = saved.of(results.stem(i), size=scenes.SIZE)
        assert read.instances is None
        assert read.panoptic is not None
        np.testing.assert_array_equal(read.panoptic.segment_ids, expected.segment_ids)
        for mine, theirs in zip(
            read.panoptic.segments,
            sorted(expected.segments, key=lambda one: one.segment_id),
            strict=True,
        ):
            assert mine.score == pytest.approx(theirs.score, abs=1e-5)
            assert (mine.class_id, mine.is_thing) == (theirs.class_id, theirs.is_thing)
            assert mine.area_px == np.count_nonzero(expected.segment_ids == theirs.segment_id)
        labels = label_ids(expected, class_names=scenes.NAMES)
        np.testing.assert_array_equal(read.label_ids, labels)


def test_label_ids_are_read_back(tmp_path: Path) -> None:
    """Pictures of `labelids/labelIds`."""
    maps = _maps(9)
    classes = known_classes(scenes.NAMES)
    found = [segments_as_instances(one, classes=classes) for one in maps]
    results.save("labelids", tmp_path, found, scenes.NAMES)
    saved = open_predictions(tmp_path / "labelids" / "labelIds")

    assert (saved.kind, saved.class_names) == ("Cityscapes label ids", TRAIN_NAMES)
    for i, one in enumerate(maps):
        read = saved.of(results.stem(i), size=scenes.SIZE)
        expected = label_ids(one, class_names=scenes.NAMES)
        assert read.label_ids is not None
        known = read.label_ids != 29  # caravans have an id, but are not evaluated
        np.testing.assert_array_equal(read.label_ids * known, expected)
        assert read.instances is read.panoptic is None
