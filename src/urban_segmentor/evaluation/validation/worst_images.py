"""The pictures that went worst, with what was predicted and what is true."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.datasets.dataset_classes import DatasetClasses
from urban_segmentor.datasets.samples import as_instances
from urban_segmentor.errors import DatasetError
from urban_segmentor.inference.config import USUAL_CONFIG
from urban_segmentor.inference.panoptic_merge import segments_as_instances
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.result import Result
from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_LABELS
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.label_regions import LabelRegions, label_regions, masks_of
from urban_segmentor.visualization.label_placement import label_sprite
from urban_segmentor.visualization.overlay import Overlay
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.evaluation.predictions import FramePrediction
    from urban_segmentor.evaluation.validation.predictors import Predictor
    from urban_segmentor.evaluation.validation.validate import FrameScore
    from urban_segmentor.structures.frame import Image

_WIDTH_PX = 1024
_SHOWN_SCORE = USUAL_CONFIG.conf
_STYLE = OverlayStyle(boxes=False, scores=False, segments=True)


def draw_worst(
    frames: Sequence[FrameScore],
    predictor: Predictor,
    folder: Path,
    *,
    classes: DatasetClasses | None = None,
    overwrite: bool,
) -> list[Path]:
    """Write a picture of each frame: the prediction above, the truth below; return their paths.

    Args:
        frames: The worst first.
        predictor: Says once more what was predicted.
        folder: Where to.
        classes: Those of the labels; None for the 19 of Cityscapes.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: The disk is full or the like.
    """
    classes = classes or DatasetClasses(labels=TRAIN_LABELS)
    written: list[Path] = []
    for place, frame in enumerate(frames, start=1):
        bgr = np.ascontiguousarray(_sheet(frame, predictor, classes)[..., ::-1])
        data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
        path = folder / f"{place:02d}_{frame.sample.stem}.jpg"
        write_atomically(path, data, overwrite=overwrite)
        written.append(path)
    return written


def _sheet(frame: FrameScore, predictor: Predictor, classes: DatasetClasses) -> Image:
    """Return the prediction over the truth, uint8 (H, W, 3), RGB."""
    sample = frame.sample
    segments = sample.segments(classes)
    size = segments.masks.image_size
    image = _image(sample, size)
    predicted = _shown(predictor(sample, size=size), names=predictor.class_names)
    title = f"predicted: {sample.stem}, {100 * frame.quality:.1f} %"
    above = _drawn(image, predicted, names=predictor.class_names, title=title)
    below = _drawn(
        image, as_instances(segments, classes=classes), names=classes.names, title="true"
    )
    return np.vstack([above, below])


def _image(sample: Sample, size: tuple[int, int]) -> Image:
    """Return the picture at the size of its labels; grey where results came without pictures."""
    if sample.image_path is None:
        return np.full((*size, 3), 128, dtype=np.uint8)
    image = sample.image()
    if image.shape[:2] == size:
        return image
    return np.asarray(cv2.resize(image, size[::-1]), dtype=np.uint8)


def _shown(predicted: FramePrediction, *, names: Sequence[str]) -> Instances:
    """Return what is worth drawing: segments, or what a user would see by default."""
    if predicted.panoptic is not None:
        return segments_as_instances(predicted.panoptic, classes=known_classes(names))
    if predicted.instances is not None:
        return predicted.instances.select(predicted.instances.scores > _SHOWN_SCORE)
    if predicted.label_ids is not None:
        return _classes_as_instances(predicted.label_ids.astype(np.int32), names=names)
    raise DatasetError("there is nothing predicted that could be drawn")


def _classes_as_instances(label_ids: NDArray[np.int32], *, names: Sequence[str]) -> Instances:
    """Return each class that occurs as one instance; int32 (H, W) of official label ids."""
    class_ids = {BY_NAME[name].label_id: i for i, name in enumerate(names) if name in BY_NAME}
    regions = label_regions(label_ids)
    known = np.array([value in class_ids for value in regions.values.tolist()], dtype=np.bool_)
    regions = LabelRegions(*(part[known] for part in regions))
    return Instances(
        boxes=regions.boxes.astype(np.float32),
        masks=masks_of(label_ids, regions),
        scores=np.ones(len(regions.values), dtype=np.float32),
        class_ids=np.array([class_ids[i] for i in regions.values.tolist()], dtype=np.int32),
    )


def _drawn(image: Image, instances: Instances, *, names: Sequence[str], title: str) -> Image:
    """Return a picture with instances over it and a title on it, in a handy size."""
    named = replace(instances, classes=known_classes(names))
    drawn = Overlay(style=_STYLE).draw(Result(frame=Frame(pixels=image), instances=named))
    height, width = drawn.shape[:2]
    size = (_WIDTH_PX, max(round(height * _WIDTH_PX / width), 1))
    small = np.array(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    plate = label_sprite(title, (255, 255, 255), 1.0).image[: small.shape[0], : small.shape[1]]
    small[: plate.shape[0], : plate.shape[1]] = plate
    return small
