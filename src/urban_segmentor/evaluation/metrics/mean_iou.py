"""Mean IoU of classes by the official rules.

Source: `evaluation/evalPixelLevelSemanticLabeling.py` of cityscapesScripts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.evaluation.metrics.ground_truth import (
    LABEL_COUNT,
    check_truth,
    evaluated,
    joint_counts,
    label_ids_of_classes,
    labels_of,
    paired,
)
from urban_segmentor.structures._arrays import read_only
from urban_segmentor.structures.cityscapes_labels import TRAIN_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.panoptic import PanopticMap


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MeanIou:
    """Official IoU of classes, fractions.

    Attributes:
        miou: Mean over the classes that occur; NaN when none does.
        classes: IoU by class name, for each of the 19 classes; NaN where it does not occur.
        confusion: int64 (19, 20), the confusion matrix: pixels by true and predicted class; the
            last column is every other prediction, or none.
        images: Images evaluated.
    """

    miou: float
    classes: dict[str, float]
    confusion: NDArray[np.int64]
    images: int


class SemanticMeter:
    """Accumulates the confusion matrix of label ids image by image."""

    def __init__(self) -> None:
        self._confusion = np.zeros((LABEL_COUNT, LABEL_COUNT), dtype=np.int64)
        self._images = 0

    def add(self, label_ids: NDArray[np.uint8], instance_ids: NDArray[np.int32]) -> None:
        """Add one image.

        Args:
            label_ids: uint8 (H, W), official label ids, 0 for nothing.
            instance_ids: int32 (H, W), official `instanceIds` values.

        Raises:
            ShapeError: An array has another dtype, or is no (H, W).
            DatasetError: Sizes differ, or values are of no label.
        """
        predicted = read_only("label_ids", label_ids, "uint8", "* *")
        size = (predicted.shape[0], predicted.shape[1])
        joint = joint_counts(check_truth(instance_ids, size=size), predicted)
        if len(joint.second) and joint.second.max() >= LABEL_COUNT:
            raise DatasetError(
                f"the prediction has the label id {joint.second.max()}, which does not exist",
                hint="predict label ids, 0 to 33, where 0 is nothing; 255 is of train ids",
            )
        np.add.at(self._confusion, (labels_of(joint.first), joint.second), joint.pixels)
        self._images += 1

    def merge(self, other: SemanticMeter) -> None:
        """Add the images of another meter."""
        self._confusion += other._confusion
        self._images += other._images

    def result(self) -> MeanIou:
        """Return official mean IoU over all images so far."""
        counted = np.flatnonzero(evaluated())
        rows = self._confusion[counted]
        square = rows[:, counted]
        common = np.diag(square)
        union = rows.sum(axis=1) + square.sum(axis=0) - common
        iou = np.divide(common, union, out=np.full(len(counted), np.nan), where=union > 0)
        other = rows.sum(axis=1) - square.sum(axis=1)
        real = iou[~np.isnan(iou)]
        return MeanIou(
            miou=float(real.mean()) if len(real) else float("nan"),
            classes=dict(zip((one.name for one in TRAIN_LABELS), iou.tolist(), strict=True)),
            confusion=np.column_stack([square, other]),
            images=self._images,
        )


def mean_iou(
    predictions: Iterable[NDArray[np.uint8]], ground_truth: Iterable[NDArray[np.int32]]
) -> MeanIou:
    """Return official mean IoU.

    Args:
        predictions: uint8 (H, W) each, official label ids, 0 for nothing; `label_ids` makes them
            of panoptic maps.
        ground_truth: int32 (H, W) each, official `instanceIds` values, in the same order.

    Raises:
        ShapeError: An array has another dtype, or is no (H, W).
        DatasetError: There are more of one than of the other, or they do not fit together.
    """
    meter = SemanticMeter()
    for predicted, truth in paired(predictions, ground_truth):
        meter.add(predicted, truth)
    return meter.result()


def label_ids(panoptic: PanopticMap, *, class_names: Sequence[str]) -> NDArray[np.uint8]:
    """Return a panoptic map as a semantic map of official label ids, uint8 (H, W), 0 for nothing.

    Args:
        panoptic: The panoptic map; segments of classes that the benchmark lacks become 0.
        class_names: The class list of the model.
    """
    labels = label_ids_of_classes(class_names, TRAIN_LABELS)
    max_id = max((segment.segment_id for segment in panoptic.segments), default=0)
    table = np.zeros(max_id + 1, dtype=np.uint8)
    for segment in panoptic.segments:
        table[segment.segment_id] = labels[segment.class_id]
    return table[panoptic.segment_ids]
