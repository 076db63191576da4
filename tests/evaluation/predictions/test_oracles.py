"""What is read back scores as the official scripts score the same files; polygons as COCO's."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tests.evaluation import official, scenes
from tests.evaluation.predictions import results
from urban_segmentor.evaluation import instance_ap, mean_iou, panoptic_quality
from urban_segmentor.evaluation.predictions import open_predictions
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = range(4)


def _same(ours: float, theirs: float) -> bool:
    return (math.isnan(ours) and math.isnan(theirs)) or abs(ours - theirs) < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_instance_ap_of_the_official_layout(tmp_path: Path, seed: int) -> None:
    """The script reads the same text files and masks, of which some are red and one is empty."""
    rng = np.random.default_rng(seed)
    truths = [scenes.truth(rng) for _ in range(5)]
    paths = official.write_truth(tmp_path, truths)
    folder = tmp_path / "results"
    folder.mkdir()
    found = [scenes.instances(rng, ids) for ids in truths]
    texts = official.write_instances(folder, found, scenes.NAMES)
    for i, image in enumerate(sorted(folder.glob("*.png"))[:8]):
        red = cv2.imread(str(image)) * np.array([0, 0, i > 0], dtype=np.uint8)
        cv2.imwrite(str(image), red)

    theirs = official.instance_ap(folder, texts, paths)
    saved = open_predictions(folder)
    read = [saved.of(results.stem(i), size=scenes.SIZE).instances for i in range(5)]
    ours = instance_ap(
        [one for one in read if one is not None], truths, class_names=saved.class_names
    )

    assert ours.images == 5
    assert _same(ours.ap, theirs["allAp"])
    assert _same(ours.ap50, theirs["allAp50%"])
    for name, figures in theirs["classes"].items():
        assert _same(ours.classes[name].ap, figures["ap"]), name


@pytest.mark.parametrize("seed", SEEDS)
def test_panoptic_quality_of_a_panoptic_file(tmp_path: Path, seed: int) -> None:
    """The script reads the same annotations and pictures."""
    rng = np.random.default_rng(seed)
    truths = [scenes.truth(rng) for _ in range(5)]
    maps = [scenes.panoptic(rng, ids) for ids in truths]
    true, found, categories = official.write_panoptic(tmp_path, maps, truths)
    (tmp_path / "pred.json").write_text(json.dumps({"annotations": found}))

    theirs = official.panoptic_quality(tmp_path, true, found, categories)
    saved = open_predictions(tmp_path / "pred.json")
    read = [saved.of(results.stem(i), size=scenes.SIZE) for i in range(5)]
    ours = panoptic_quality(
        [one.panoptic for one in read if one.panoptic is not None],
        truths,
        class_names=saved.class_names,
    )

    assert ours.images == 5
    assert _same(ours.pq, theirs["All"]["pq"])
    assert _same(ours.things.sq, theirs["Things"]["sq"])


@pytest.mark.parametrize("palette", [False, True])
def test_mean_iou_of_label_images(tmp_path: Path, *, palette: bool) -> None:
    """The script reads the same pictures, grey or with a palette."""
    from PIL import Image

    rng = np.random.default_rng(4)
    truths = [scenes.truth(rng) for _ in range(4)]
    paths = [path.replace("instance", "label") for path in official.write_truth(tmp_path, truths)]
    folder = tmp_path / "results"
    folder.mkdir()
    texts: list[str] = []
    for i, ids in enumerate(truths):
        labels = np.roll(np.where(ids < 1000, ids, ids // 1000), 2, axis=1).astype(np.uint8)
        image = Image.fromarray(labels)
        if palette:
            image.putpalette(rng.integers(0, 256, 768, dtype=np.uint8).tobytes())
            assert image.mode == "P"
        texts.append(str(folder / f"{results.stem(i)}_pred_labelIds.png"))
        image.save(texts[-1])

    theirs = official.mean_iou(tmp_path, texts, paths)
    saved = open_predictions(folder)
    read = [saved.of(results.stem(i), size=scenes.SIZE).label_ids for i in range(4)]
    ours = mean_iou([one for one in read if one is not None], truths)

    assert saved.class_names == TRAIN_NAMES
    assert _same(ours.miou, theirs["averageScoreClasses"])


# pycocotools itself is behind NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("seed", range(20))
def test_every_way_to_write_a_mask_is_that_of_pycocotools(tmp_path: Path, seed: int) -> None:
    """Compressed and plain run lengths, and polygons with several parts that leave the picture."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(20, 90, 2).tolist()
    rings = [
        (rng.uniform(-0.2, 1.2, (int(rng.integers(3, 12)), 2)) * (width, height)).ravel().tolist()
        for _ in range(int(rng.integers(1, 4)))
    ]
    merged = coco_mask.merge(coco_mask.frPyObjects(rings, height, width))
    expected = coco_mask.decode(merged).astype(np.bool_)
    edges = np.flatnonzero(np.diff(expected.T.ravel(), prepend=False))
    counts = np.diff(edges, prepend=0, append=expected.size).tolist()
    size = [height, width]
    entries = [
        results.result(segmentation=rings),
        results.result(segmentation={"size": size, "counts": counts}),
        results.result(segmentation={"size": size, "counts": merged["counts"].decode()}),
    ]
    images = [results.image(height=height, width=width)]
    path = results.as_json(
        tmp_path / "found.json", results.coco(images=images, annotations=entries)
    )

    read = open_predictions(path).of(results.STEM, size=(height, width)).instances

    assert read is not None
    np.testing.assert_array_equal(read.masks.dense(), np.stack([expected] * 3))
