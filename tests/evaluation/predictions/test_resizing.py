"""Masks of another size, scaled by nearest pixel centres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.evaluation.predictions.results import (
    SIZE,
    STEM,
    as_json,
    coco,
    image,
    mask,
    panoptic,
    png,
    result,
)
from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions import open_predictions
from urban_segmentor.evaluation.predictions.resizing import (
    check_fit,
)

if TYPE_CHECKING:
    from pathlib import Path

TWICE = (80, 120)


@pytest.mark.parametrize(
    ("size", "target_size"),
    [((40, 60), TWICE), (TWICE, (40, 60)), ((384, 768), (1024, 2048)), ((101, 200), (100, 200))],
)
def test_shapes_that_are_the_same_to_one_percent_fit(
    size: tuple[int, int], target_size: tuple[int, int]
) -> None:
    """When it was asked for."""
    check_fit(size, target_size, resize=True, context="it")
    with pytest.raises(PredictionError, match="it has"):
        check_fit(size, target_size, resize=False, context="it")


@pytest.mark.parametrize("size", [(40, 61), (640, 640), (1, 1), (0, 0), (2**15, 2**15)])
def test_other_shapes_do_not(size: tuple[int, int]) -> None:
    """Nor pictures that would fill the memory."""
    with pytest.raises(PredictionError, match="the ground truth 120 x 80"):
        check_fit(size, TWICE, resize=True, context="it")


def test_coco_masks_boxes_and_polygons_are_scaled(tmp_path: Path) -> None:
    """Polygons are drawn at the size of their picture first."""
    ring = [[10, 10, 20, 10, 20, 20, 10, 20]]
    content = coco(annotations=[result(), result(segmentation=ring, bbox=None), result(bbox=None)])
    path = as_json(tmp_path / "found.json", content)
    found = open_predictions(path, resize=True).of(STEM, size=TWICE).instances

    assert found is not None
    square = np.zeros(SIZE, dtype=np.bool_)
    square[10:20, 10:20] = True
    expected = np.stack([mask(), square, mask()]).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(found.masks.dense(), expected)
    np.testing.assert_array_equal(found.boxes[0], [20, 10, 80, 40])
    np.testing.assert_array_equal(found.boxes[1:], found.masks.rectangles()[1:])

    as_json(path, coco(images=[image(width=70)]))
    with pytest.raises(PredictionError, match="shape differs by more than 1 %"):
        open_predictions(path, resize=True).of(STEM, size=TWICE)


def test_images_are_scaled(tmp_path: Path) -> None:
    """Masks, label ids and segments; a segment that gets lost is not listed."""
    texts = tmp_path / "texts"
    png(texts / "0.png", mask().astype(np.uint8))
    (texts / f"{STEM}.txt").write_text("0.png 26 0.5")
    found = open_predictions(texts, resize=True).of(STEM, size=TWICE).instances
    assert found is not None
    np.testing.assert_array_equal(found.masks.dense()[0], mask().repeat(2, 0).repeat(2, 1))

    labels = np.where(mask(), np.uint8(26), np.uint8(7))
    png(tmp_path / "labels" / f"{STEM}.png", labels)
    read = open_predictions(tmp_path / "labels", resize=True).of(STEM, size=TWICE)
    np.testing.assert_array_equal(read.label_ids, labels.repeat(2, 0).repeat(2, 1))

    path = panoptic(tmp_path)
    bigger = open_predictions(path, resize=True).of(STEM, size=TWICE).panoptic
    assert bigger is not None
    assert [one.area_px for one in bigger.segments] == [4800, 1200]
    speck = np.zeros((*SIZE, 3), dtype=np.uint8)
    speck[20:, :, 2], speck[0, 0] = 7, (0, 26001 >> 8, 26001 & 255)
    png(tmp_path / "found" / f"{STEM}.png", speck)
    smaller = open_predictions(path, resize=True).of(STEM, size=(4, 6)).panoptic
    assert smaller is not None
    assert [(one.segment_id, one.area_px) for one in smaller.segments] == [(7, 12)]
