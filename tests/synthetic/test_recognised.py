"""The procedural street looks enough like a street for the embedded model."""

from __future__ import annotations

import numpy as np
import pytest

from urban_segmentor import Segmenter
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.synthetic import Street

pytestmark = pytest.mark.slow

CAR, ROAD = BY_NAME["car"].train_id, BY_NAME["road"].train_id
LARGE_PX = 40


@pytest.mark.parametrize("light", ["day", "dusk"])
@pytest.mark.parametrize("camera", ["fixed", "dashcam"])
def test_the_embedded_model_sees_cars_and_road(camera: str, light: str) -> None:
    """Most cars of more than 40 px along both sides are found, and the road.

    The model outlines the road as its annotators did, under what stands on it, so pixels of
    objects do not count.
    """
    segmenter = Segmenter("urban-n")
    found = cars = shared = either = 0
    for seed in (1, 2):
        for shot in Street(fps=0.5, seed=seed, camera=camera, light=light).shots(seconds=8.0):
            seen = segmenter(shot.frame.image).instances
            masks = seen.masks.dense()
            road = masks[seen.class_ids == ROAD].any(axis=0) & (shot.instance_map == 0)
            truth = shot.class_map == ROAD
            shared, either = shared + (road & truth).sum(), either + (road | truth).sum()
            boxes = shot.instances().boxes
            for actor, box in zip(shot.objects, boxes, strict=True):
                if actor.class_id != CAR or (box[2:] - box[:2]).min() <= LARGE_PX:
                    continue
                mask = shot.instance_map == actor.track_id
                overlaps = [(m & mask).sum() / (m | mask).sum() for m in masks]
                best = max(overlaps, default=0.0)
                cars += 1
                found += best >= 0.5 and seen.class_ids[int(np.argmax(overlaps))] == CAR
    assert cars > 20
    assert found / cars >= 0.9
    assert shared / either >= 0.8
