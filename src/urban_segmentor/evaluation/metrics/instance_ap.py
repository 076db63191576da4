"""Instance AP by the official rules of Cityscapes.

Source: `evaluation/evalInstanceLevelSemanticLabeling.py` of cityscapesScripts. Where that one
fails, on a class of which all predictions are ignored, the class counts as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.evaluation.metrics.ground_truth import (
    THINGS,
    check_truth,
    evaluated,
    is_single,
    label_ids_of_classes,
    labels_of,
    paired,
)
from urban_segmentor.evaluation.metrics.precision_recall import (
    PrecisionRecallCurve,
    precision_recall,
)
from urban_segmentor.structures.label_regions import label_regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.cityscapes_labels import CityscapesLabel
    from urban_segmentor.structures.instances import Instances

THRESHOLDS: NDArray[np.float64] = np.arange(0.5, 1.0, 0.05)
"""IoU that a match must exceed, float64 (10,)."""

MIN_AREA_PX = 100
SMALL_PX, LARGE_PX = 32**2, 96**2
_ALL_SIZES = (0, 2**62)
SIZE_RANGES = {
    "small": (0, SMALL_PX),
    "medium": (SMALL_PX, LARGE_PX),
    "large": (LARGE_PX, 2**62),
}
"""Size ranges of COCO: minimum area and area below, pixels of the ground truth."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClassAp:
    """Instance AP of one class; NaN where it has no objects.

    Attributes:
        ap: Mean over the ten IoU thresholds.
        ap50: At IoU 0.5.
        by_size: AP of small, medium and large objects; others are ignored.
        objects: Number of evaluated objects in the ground truth.
        predictions: Number of predictions.
        curve: Precision-recall curve at IoU 0.5.
    """

    ap: float
    ap50: float
    by_size: dict[str, float]
    objects: int
    predictions: int
    curve: PrecisionRecallCurve


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InstanceAp:
    """Official instance AP, fractions.

    Attributes:
        ap: Mean over the classes that occur; NaN when none does.
        ap50: The same at IoU 0.5.
        by_size: The same for small, medium and large objects.
        classes: AP by class name, for each of the eight classes of the benchmark.
        images: Images evaluated.
        ignored: Objects below 100 pixels, which are ignored.
        groups: Groups of objects, which are ignored too.
    """

    ap: float
    ap50: float
    by_size: dict[str, float]
    classes: dict[str, ClassAp]
    images: int
    ignored: int
    groups: int


class _Image(NamedTuple):
    """Objects, detections and their overlaps in one image.

    Attributes:
        objects: int64 (G, 3): label id, pixels, 1 for a single object.
        detections: int64 (N, 3): label id, pixels, pixels on void.
        scores: float64 (N,).
        pairs: int64 (P, 3): index of the detection, index of the object, intersection in pixels;
            both of one class.
    """

    objects: NDArray[np.int64]
    detections: NDArray[np.int64]
    scores: NDArray[np.float64]
    pairs: NDArray[np.int64]


class InstanceApMeter:
    """Accumulates official instance AP image by image; keeps a few numbers of each.

    Args:
        class_names: The class list of the model; names that the benchmark lacks are left out.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._labels = label_ids_of_classes(class_names, THINGS)
        self._void = ~evaluated()
        self._images: list[_Image] = []

    def add(self, instances: Instances, instance_ids: NDArray[np.int32]) -> None:
        """Add one image.

        Args:
            instances: Predicted instances, masks at the size of the ground truth.
            instance_ids: int32 (H, W), official `instanceIds` values.

        Raises:
            ShapeError: The ground truth is no int32 (H, W) array.
            DatasetError: Sizes differ, a class id lies outside the list, a score is not finite,
                or the ground truth has values of no label.
        """
        truth = check_truth(instance_ids, size=instances.masks.image_size)
        labels = self._labels_of(instances)
        values, areas, _ = label_regions(truth)
        truth_labels = labels_of(values)
        # Single caravans and trailers are no void here, unlike groups of them, as in the script.
        is_void = self._void[truth_labels] & ~is_single(values)
        is_thing = np.isin(truth_labels, [label.label_id for label in THINGS])
        object_indices = {int(value): i for i, value in enumerate(values[is_thing])}
        single = is_single(values[is_thing])
        objects = np.stack([truth_labels[is_thing], areas[is_thing], single], axis=1)
        detections: list[tuple[int, int, int]] = []
        kept: list[int] = []
        pairs: list[tuple[int, int, int]] = []
        origins: list[list[int]] = instances.masks.origins.tolist()
        for i in np.flatnonzero(labels).tolist():
            label = int(labels[i])
            crop, (x, y) = instances.masks.crops[i], origins[i]
            height, width = crop.shape
            counts = np.bincount(truth[y : y + height, x : x + width][crop])
            area = int(counts.sum())
            if not area:
                continue
            overlapping = np.flatnonzero(counts)
            overlapping_labels = truth_labels[np.searchsorted(values, overlapping)]
            void = int(counts[overlapping[is_void[np.searchsorted(values, overlapping)]]].sum())
            pairs += [
                (len(detections), object_indices[value], int(counts[value]))
                for value in overlapping[overlapping_labels == label].tolist()
            ]
            detections.append((label, area, void))
            kept.append(i)
        self._images.append(
            _Image(
                objects.astype(np.int64),
                np.array(detections, dtype=np.int64).reshape(-1, 3),
                instances.scores[kept].astype(np.float64),
                np.array(pairs, dtype=np.int64).reshape(-1, 3),
            )
        )

    def merge(self, other: InstanceApMeter) -> None:
        """Add the images of another meter."""
        self._images += other._images

    def result(self) -> InstanceAp:
        """Return official instance AP over all images so far."""
        matches = _Matches.of_images(self._images)
        by_class = {label.name: _class_ap(matches.of_label(label)) for label in THINGS}
        classes = list(by_class.values())
        objects = matches.objects
        single = objects[:, 2] > 0
        return InstanceAp(
            ap=_mean([one.ap for one in classes]),
            ap50=_mean([one.ap50 for one in classes]),
            by_size={size: _mean([one.by_size[size] for one in classes]) for size in SIZE_RANGES},
            classes=by_class,
            images=len(self._images),
            ignored=int(np.count_nonzero(single & (objects[:, 1] < MIN_AREA_PX))),
            groups=int(np.count_nonzero(~single)),
        )

    def _labels_of(self, instances: Instances) -> NDArray[np.int64]:
        """Return the label id of each instance, int64 (N,), 0 for classes not evaluated."""
        ids = instances.class_ids
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(self._labels):
            raise DatasetError(
                f"class ids must lie in 0..{len(self._labels) - 1}, got {ids.min()}..{ids.max()}",
                hint="pass the class list of the model that made the predictions",
            )
        if not np.all(np.isfinite(instances.scores)):
            raise DatasetError("a score is not finite", hint="scores should lie in 0 to 1")
        return self._labels[ids]


def instance_ap(
    predictions: Iterable[Instances],
    ground_truth: Iterable[NDArray[np.int32]],
    *,
    class_names: Sequence[str],
) -> InstanceAp:
    """Return official instance AP.

    Args:
        predictions: Predicted instances of each image, masks at the size of the ground truth.
        ground_truth: int32 (H, W) each, official `instanceIds` values, in the same order.
        class_names: The class list of the model.

    Raises:
        ShapeError: Ground truth is no int32 (H, W) array.
        DatasetError: There are more of one than of the other, or they do not fit together.
    """
    meter = InstanceApMeter(class_names)
    for instances, truth in paired(predictions, ground_truth):
        meter.add(instances, truth)
    return meter.result()


class _Matches(NamedTuple):
    """Objects, detections and overlaps of all images as one table, with indices into it.

    Attributes:
        objects: int64 (G, 3), as in `_Image`.
        detections: int64 (N, 3).
        scores: float64 (N,).
        pairs: int64 (P, 3).
    """

    objects: NDArray[np.int64]
    detections: NDArray[np.int64]
    scores: NDArray[np.float64]
    pairs: NDArray[np.int64]

    @classmethod
    def of_images(cls, images: Sequence[_Image]) -> _Matches:
        none = np.zeros((0, 3), dtype=np.int64)
        sizes = [(0, 0), *((len(image.detections), len(image.objects)) for image in images)]
        shifts = [(*shift, 0) for shift in np.cumsum(sizes, axis=0)[:-1].tolist()]
        pairs = [image.pairs + shift for image, shift in zip(images, shifts, strict=True)]
        return cls(
            np.concatenate([none, *(image.objects for image in images)]),
            np.concatenate([none, *(image.detections for image in images)]),
            np.concatenate([np.zeros(0), *(image.scores for image in images)]),
            np.concatenate([none, *pairs]),
        )

    def of_label(self, label: CityscapesLabel) -> _Matches:
        """Return the rows of one class."""
        objects, detections = (
            table[:, 0] == label.label_id for table in (self.objects, self.detections)
        )
        pairs = self.pairs[detections[self.pairs[:, 0]]]
        pairs[:, 0] = (np.cumsum(detections) - 1)[pairs[:, 0]]
        pairs[:, 1] = (np.cumsum(objects) - 1)[pairs[:, 1]]
        return _Matches(
            self.objects[objects], self.detections[detections], self.scores[detections], pairs
        )

    def is_evaluated(self, size: tuple[int, int] = _ALL_SIZES) -> NDArray[np.bool_]:
        """Return which objects are evaluated, bool (G,)."""
        _, areas, single = self.objects.T
        lowest = max(size[0], MIN_AREA_PX)
        return (single > 0) & (areas >= lowest) & (areas < size[1])


def _class_ap(matches: _Matches) -> ClassAp:
    def aps(size: tuple[int, int]) -> list[float]:
        curves = [_curve(matches, threshold, size) for threshold in THRESHOLDS.tolist()]
        return [float("nan") if curve is None else curve.area() for curve in curves]

    everything = aps(_ALL_SIZES)
    none = np.zeros(0)
    return ClassAp(
        ap=float(np.mean(everything)),
        ap50=everything[0],
        by_size={name: float(np.mean(aps(size))) for name, size in SIZE_RANGES.items()},
        objects=int(np.count_nonzero(matches.is_evaluated())),
        predictions=len(matches.detections),
        curve=_curve(matches, float(THRESHOLDS[0]), _ALL_SIZES)
        or PrecisionRecallCurve(scores=none, precision=none, recall=none),
    )


def _curve(
    matches: _Matches, threshold: float, size: tuple[int, int]
) -> PrecisionRecallCurve | None:
    """Return the precision-recall curve at one IoU for objects of one size, None without any."""
    _, areas, single = matches.objects.T
    is_evaluated = matches.is_evaluated(size)
    if not is_evaluated.any():
        return None
    _, pixels, void = matches.detections.T
    detections, target, common = matches.pairs.T
    matched = common / (areas[target] + pixels[detections] - common) > threshold
    # Of several on one object the best is right, all others are wrong.
    is_tp = matched & is_evaluated[target]
    order = np.lexsort((-matches.scores[detections[is_tp]], target[is_tp]))
    scores = matches.scores[detections[is_tp][order]]
    is_best = np.diff(target[is_tp][order], prepend=-1) != 0
    # A group below 100 pixels counts twice, as in the official script.
    times = np.where(single > 0, ~is_evaluated, 1 + (areas < MIN_AREA_PX))
    ignored = void + np.bincount(detections, weights=common * times[target], minlength=len(void))
    is_fp = ignored / pixels <= threshold
    is_fp &= (pixels >= size[0]) & (pixels < size[1])
    is_fp[detections[matched]] = False
    fp_scores = np.append(scores[~is_best], matches.scores[is_fp])
    return precision_recall(scores[is_best], fp_scores, objects=int(np.count_nonzero(is_evaluated)))


def _mean(values: Sequence[float]) -> float:
    """Return the mean without NaN; NaN when nothing is left."""
    real = [value for value in values if not np.isnan(value)]
    return float(np.mean(real)) if real else float("nan")
