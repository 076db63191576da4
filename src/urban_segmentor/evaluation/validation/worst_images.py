"""The pictures that went worst, with what was predicted and what is true."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.datasets.dataset_classes import DatasetClasses
from urban_segmentor.datasets.explore.sample_views import resize_image
from urban_segmentor.errors import DatasetError
from urban_segmentor.inference.config import USUAL_CONFIG
from urban_segmentor.inference.panoptic_merge import segments_as_instances
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.reports.montage import Tile, montage
from urban_segmentor.result import Result
from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_LABELS
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.label_regions import LabelRegions, label_regions, masks_of
from urban_segmentor.visualization.overlay import Overlay
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.samples import Sample
    from urban_segmentor.evaluation.predictions import FramePrediction
    from urban_segmentor.evaluation.validation.predictors import Predictor
    from urban_segmentor.evaluation.validation.validate import FrameScore
    from urban_segmentor.reports.pages import PageFolder, PageImage
    from urban_segmentor.structures.frame import Image

WORST = "worst"
"""Folder of the pictures, beside the page."""

_WIDTH_PX, _QUALITY = 1024, 90
_SHOWN_SCORE = USUAL_CONFIG.conf
_STYLE = OverlayStyle(boxes=False, scores=False, segments=True)


def draw_worst(
    frames: Sequence[FrameScore],
    predictor: Predictor,
    out: PageFolder,
    *,
    classes: DatasetClasses | None = None,
) -> list[PageImage]:
    """Write and return a picture of each frame: the prediction above, the truth below.

    Args:
        frames: The worst first.
        predictor: Says once more what was predicted.
        out: Where to.
        classes: Those of the labels; None for the 19 of Cityscapes.

    Raises:
        OutputError: The disk is full or the like.
    """
    classes = classes or DatasetClasses(labels=TRAIN_LABELS)
    shown: list[PageImage] = []
    for place, frame in enumerate(frames, start=1):
        data = encode_image(_sheet(frame, predictor, classes), suffix=".jpg", quality=_QUALITY)
        name = f"{WORST}/{place:02d}_{frame.sample.stem}.jpg"
        caption = f"{frame.sample.stem}, {100 * frame.quality:.1f} %"
        shown.append(out.image(name, data, caption=caption))
    return shown


def _sheet(frame: FrameScore, predictor: Predictor, classes: DatasetClasses) -> Image:
    """Return the prediction over the truth, uint8 (H, W, 3), RGB."""
    sample = frame.sample
    segments = sample.segments(classes)
    size = segments.masks.image_size
    image = _image(sample, size)
    predicted = _shown(predictor(sample, size=size), names=predictor.class_names)
    title = f"predicted: {sample.stem}, {100 * frame.quality:.1f} %"
    above = _drawn(image, predicted, names=predictor.class_names)
    below = _drawn(image, segments.as_instances(classes), names=classes.names)
    return montage([Tile(above, title), Tile(below, "true")], columns=1)


def _image(sample: Sample, size: tuple[int, int]) -> Image:
    """Return the picture at the size of its labels; grey where results came without pictures."""
    if sample.image_path is None:
        return np.full((*size, 3), 128, dtype=np.uint8)
    return resize_image(sample.image(), size)


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


def _drawn(image: Image, instances: Instances, *, names: Sequence[str]) -> Image:
    """Return a picture with instances over it, in a handy size, uint8 (H, W, 3), RGB."""
    named = replace(instances, classes=known_classes(names))
    drawn = Overlay(style=_STYLE).draw(Result(frame=Frame(pixels=image), instances=named))
    height, width = drawn.shape[:2]
    return resize_image(drawn, (max(round(height * _WIDTH_PX / width), 1), _WIDTH_PX))
