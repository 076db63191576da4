"""A tiny data set in the layout of Cityscapes, and predictors that know it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import read_annotation
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects, visible_objects
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.evaluation.validation.predictors import as_predicted
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES
from urban_segmentor.structures.instances import Instances

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.evaluation.predictions import FramePrediction

SIZE = (128, 256)
CAR, PERSON = "car", "person"


def box(label: str, x1: int, y1: int, x2: int, y2: int) -> dict[str, object]:
    """Return a rectangle as an object of a polygon file."""
    return {"label": label, "polygon": [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]}


def street(shift: int = 0) -> list[dict[str, object]]:
    """Return a road, the sky, two cars, a person and a group."""
    return [
        box("road", 0, 64, 255, 127),
        box("sky", 0, 0, 255, 63),
        box(CAR, 20 + shift, 70, 60 + shift, 100),
        box(CAR, 100 + shift, 60, 140 + shift, 100),
        box(PERSON, 180 + shift, 50, 200 + shift, 100),
        box("cargroup", 210, 60, 240, 80),
    ]


def write_frame(
    root: Path, stem: str, objects: list[dict[str, object]], *, split: str = "val"
) -> None:
    """Write a picture and its polygons."""
    city = stem.partition("_")[0]
    images, labels = (root / kind / split / city for kind in ("leftImg8bit", "gtFine"))
    images.mkdir(parents=True, exist_ok=True)
    labels.mkdir(parents=True, exist_ok=True)
    image = np.full((*SIZE, 3), 90, dtype=np.uint8)
    cv2.imwrite(str(images / f"{stem}_leftImg8bit.png"), image)
    content = {"imgHeight": SIZE[0], "imgWidth": SIZE[1], "objects": objects}
    (labels / f"{stem}_gtFine_polygons.json").write_text(json.dumps(content))


def write_street(root: Path, *, frames: int = 3, split: str = "val") -> Path:
    """Write a data set of so many frames, and return its folder."""
    for i in range(frames):
        write_frame(root, f"town_{i:06d}_000019", street(5 * i), split=split)
    return root


class Knowing:
    """A predictor that sees what is true, without groups.

    Args:
        change: Called with what is true in each frame; returns what is predicted.
    """

    def __init__(
        self, change: Callable[[CityscapesFrame, Instances], Instances] = lambda _, i: i
    ) -> None:
        self.class_names = TRAIN_NAMES
        self.kind = "truth"
        self._change = change

    def __call__(self, sample: CityscapesFrame, *, size: tuple[int, int]) -> FramePrediction:
        """Return what is true."""
        assert size == SIZE
        return as_predicted(
            self._change(sample, true_instances(sample)),
            class_names=self.class_names,
            config=PanopticConfig(stuff_area_px=0, thin_area_px=0),
            with_map=True,
        )


def true_instances(sample: CityscapesFrame) -> Instances:
    """Return what is to be seen in a frame, as a perfect model would."""
    assert sample.polygons is not None
    drawn = draw_objects(read_annotation(sample.polygons))
    segments = visible_objects(drawn, classes=parse_dataset_classes("19"), stuff="whole").segments()
    found = Instances(
        boxes=segments.masks.rectangles(),
        masks=segments.masks,
        scores=np.ones(len(segments), dtype=np.float32),
        class_ids=segments.class_ids,
        classes=known_classes(TRAIN_NAMES),
    )
    return found.select(~segments.is_crowd)
