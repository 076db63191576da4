"""Panoptic quality by the official rules.

Source: `evaluation/evalPanopticSemanticLabeling.py` of cityscapesScripts, the same as panopticapi.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.evaluation.metrics.ground_truth import (
    LABEL_COUNT,
    JointCounts,
    check_truth,
    evaluated,
    is_single,
    joint_counts,
    label_ids_of_classes,
    labels_of,
    paired,
)
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES, TRAIN_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.cityscapes_labels import CityscapesLabel
    from urban_segmentor.structures.panoptic import PanopticMap

_IS_THING = np.zeros(LABEL_COUNT, dtype=np.bool_)
_IS_THING[[label.label_id for label in CITYSCAPES if label.is_thing]] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityScores:
    """Panoptic quality and its two factors, fractions; NaN where nothing occurs.

    Attributes:
        pq: Panoptic quality.
        sq: Segmentation quality: mean IoU of true positives.
        rq: Recognition quality: F1 score of segments.
    """

    pq: float
    sq: float
    rq: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassQuality(QualityScores):
    """Panoptic quality of one class.

    Attributes:
        true_positives: Predicted segments that match the ground truth.
        false_positives: Predicted segments without a match.
        false_negatives: Segments of the ground truth without a match.
    """

    true_positives: int
    false_positives: int
    false_negatives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticQuality(QualityScores):
    """Panoptic quality, each the mean over the classes that occur.

    Attributes:
        things: Mean over the thing classes.
        stuff: Mean over the stuff classes.
        classes: Panoptic quality by class name, for each class that counts.
        images: Images evaluated.
    """

    things: QualityScores
    stuff: QualityScores
    classes: dict[str, ClassQuality]
    images: int


class PanopticMeter:
    """Accumulates official panoptic quality image by image.

    Args:
        class_names: The class list of the model; segments of classes that do not count are void.
        wanted: The classes that count, with ids of their own from 1.
    """

    def __init__(
        self, class_names: Sequence[str], *, wanted: Sequence[CityscapesLabel] = TRAIN_LABELS
    ) -> None:
        self._labels = label_ids_of_classes(class_names, wanted)
        self._wanted = tuple(wanted)
        rows = max((label.label_id for label in wanted), default=0) + 1
        self._iou = np.zeros(rows)
        self._true_positives = np.zeros(rows, dtype=np.int64)
        self._false_positives = np.zeros(rows, dtype=np.int64)
        self._false_negatives = np.zeros(rows, dtype=np.int64)
        self._images = 0

    def add(self, panoptic: PanopticMap, instance_ids: NDArray[np.int32]) -> None:
        """Add one image of Cityscapes.

        Args:
            panoptic: Predicted panoptic map, at the size of the ground truth.
            instance_ids: int32 (H, W), official `instanceIds` values.

        Raises:
            ShapeError: The ground truth is no int32 (H, W) array.
            DatasetError: Sizes differ, or map and segments of the prediction disagree, or the
                ground truth has values of no label.
        """
        size = (panoptic.segment_ids.shape[0], panoptic.segment_ids.shape[1])
        truth = check_truth(instance_ids, size=size)
        joint = joint_counts(truth, panoptic.segment_ids)
        labels = labels_of(joint.first)
        is_crowd = _IS_THING[labels] & ~is_single(joint.first)
        self._count(panoptic, joint, np.where(evaluated()[labels], labels, 0), is_crowd)

    def add_numbered(
        self,
        panoptic: PanopticMap,
        numbers: NDArray[np.int32],
        *,
        label_ids: NDArray[np.int64],
        is_crowd: NDArray[np.bool_],
    ) -> None:
        """Add one picture of which each true segment has a number.

        Args:
            panoptic: What was predicted, at the size of the ground truth.
            numbers: int32 (H, W), the segment of each pixel, from 1; 0 for void.
            label_ids: int64 (N,), ids of the classes of segments 1 to N.
            is_crowd: bool (N,), true for regions of several objects.

        Raises:
            ShapeError: The ground truth is no int32 (H, W) array.
            DatasetError: Sizes differ, or map and segments of the prediction disagree.
        """
        size = (panoptic.segment_ids.shape[0], panoptic.segment_ids.shape[1])
        joint = joint_counts(check_truth(numbers, size=size), panoptic.segment_ids)
        labels = np.append(0, label_ids)[joint.first]
        self._count(panoptic, joint, labels, np.append(False, is_crowd)[joint.first])

    def merge(self, other: PanopticMeter) -> None:
        """Add the images of another meter."""
        self._iou += other._iou
        self._true_positives += other._true_positives
        self._false_positives += other._false_positives
        self._false_negatives += other._false_negatives
        self._images += other._images

    def result(self) -> PanopticQuality:
        """Return official panoptic quality over all images so far."""
        classes: dict[str, ClassQuality] = {}
        for label in self._wanted:
            i = label.label_id
            true_positives, false_positives, false_negatives = (
                int(self._true_positives[i]),
                int(self._false_positives[i]),
                int(self._false_negatives[i]),
            )
            segments = true_positives + false_positives / 2 + false_negatives / 2
            iou = float(self._iou[i])
            classes[label.name] = ClassQuality(
                pq=iou / segments if segments else float("nan"),
                sq=iou / true_positives if true_positives else (0.0 if segments else float("nan")),
                rq=true_positives / segments if segments else float("nan"),
                true_positives=true_positives,
                false_positives=false_positives,
                false_negatives=false_negatives,
            )
        total = _mean_quality(list(classes.values()))
        return PanopticQuality(
            pq=total.pq,
            sq=total.sq,
            rq=total.rq,
            things=_mean_quality([classes[one.name] for one in self._wanted if one.is_thing]),
            stuff=_mean_quality([classes[one.name] for one in self._wanted if not one.is_thing]),
            classes=classes,
            images=self._images,
        )

    def _count(
        self,
        panoptic: PanopticMap,
        joint: JointCounts,
        truth: NDArray[np.int64],
        is_crowd: NDArray[np.bool_],
    ) -> None:
        """Count true positives, false positives and false negatives.

        Args:
            panoptic: What was predicted.
            joint: P pairs of values.
            truth: int64 (P,), label id of each pair's ground truth, 0 for void.
            is_crowd: bool (P,), whether the ground truth is a region of several objects.
        """
        predicted = _labels_of_segments(panoptic, joint, self._labels)
        is_void = truth == 0
        self._images += 1
        # Ground truth and predictions under small numbers of their own; void is no segment.
        true_ids, true_at = np.unique(joint.first, return_inverse=True)
        predicted_ids, predicted_at = np.unique(joint.second, return_inverse=True)
        true_area = np.bincount(true_at, weights=joint.pixels)
        predicted_area = np.bincount(predicted_at, weights=joint.pixels)
        on_void = np.bincount(
            predicted_at, weights=joint.pixels * is_void, minlength=len(predicted_ids)
        )
        same = (truth == predicted) & ~is_void
        union = (
            true_area[true_at] + predicted_area[predicted_at] - joint.pixels - on_void[predicted_at]
        )
        match = same & ~is_crowd & (joint.pixels > union / 2)
        np.add.at(self._iou, truth[match], (joint.pixels / np.maximum(union, 1))[match])
        np.add.at(self._true_positives, truth[match], 1)
        false_negatives = np.ones(len(true_ids), dtype=np.bool_)
        false_negatives[true_at[match | is_void | is_crowd]] = False
        label_of_true = np.zeros(len(true_ids), dtype=np.int64)
        label_of_true[true_at] = truth
        np.add.at(self._false_negatives, label_of_true[false_negatives], 1)
        ignored = on_void + np.bincount(
            predicted_at, weights=joint.pixels * (same & is_crowd), minlength=len(predicted_ids)
        )
        label_of_predicted = np.zeros(len(predicted_ids), dtype=np.int64)
        label_of_predicted[predicted_at] = predicted
        false_positives = (label_of_predicted > 0) & (ignored <= predicted_area / 2)
        false_positives[predicted_at[match]] = False
        np.add.at(self._false_positives, label_of_predicted[false_positives], 1)


def panoptic_quality(
    predictions: Iterable[PanopticMap],
    ground_truth: Iterable[NDArray[np.int32]],
    *,
    class_names: Sequence[str],
) -> PanopticQuality:
    """Return official panoptic quality.

    Args:
        predictions: Predicted panoptic map of each image, at the size of the ground truth.
        ground_truth: int32 (H, W) each, official `instanceIds` values, in the same order.
        class_names: The class list of the model.

    Raises:
        ShapeError: Ground truth is no int32 (H, W) array.
        DatasetError: There are more of one than of the other, or they do not fit together.
    """
    meter = PanopticMeter(class_names)
    for panoptic, truth in paired(predictions, ground_truth):
        meter.add(panoptic, truth)
    return meter.result()


def _labels_of_segments(
    panoptic: PanopticMap, joint: JointCounts, labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the label id of each pair's prediction, int64 (P,), 0 for void."""
    ids = np.array([0, *(segment.segment_id for segment in panoptic.segments)], dtype=np.int64)
    class_ids = np.array([segment.class_id for segment in panoptic.segments], dtype=np.int64)
    if len(class_ids) and not 0 <= int(class_ids.min()) <= int(class_ids.max()) < len(labels):
        raise DatasetError(
            f"class ids must lie in 0..{len(labels) - 1}, got {class_ids.min()}..{class_ids.max()}",
            hint="pass the class list of the model that made the predictions",
        )
    painted, listed = set(joint.second.tolist()), set(ids.tolist())
    if odd := sorted((painted ^ listed) - {0}):
        raise DatasetError(
            f"segment {odd[0]} is {'painted but not listed' if odd[0] in painted else 'empty'}",
            hint="list every segment that the map shows, and no other",
        )
    order = np.argsort(ids)
    return np.append(0, labels[class_ids])[order][np.searchsorted(ids[order], joint.second)]


def _mean_quality(classes: Sequence[ClassQuality]) -> QualityScores:
    """Return the mean over the classes that occur."""
    real = [(one.pq, one.sq, one.rq) for one in classes if not np.isnan(one.pq)]
    if not real:
        return QualityScores(pq=float("nan"), sq=float("nan"), rq=float("nan"))
    pq, sq, rq = np.mean(real, axis=0).tolist()
    return QualityScores(pq=pq, sq=sq, rq=rq)
