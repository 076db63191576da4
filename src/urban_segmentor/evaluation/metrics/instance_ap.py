"""Instance AP by the official rules of Cityscapes.

Source: `evaluation/evalInstanceLevelSemanticLabeling.py` of cityscapesScripts. Where that one
fails, on a class of which all predictions are ignored, the class counts as 0: nothing was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.evaluation.metrics.ground_truth import (
    THINGS,
    checked_truth,
    evaluated,
    in_step,
    is_single,
    label_table,
    labels_of,
)
from urban_segmentor.evaluation.metrics.precision_recall import Curve, precision_recall
from urban_segmentor.structures.label_regions import label_regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.cityscapes_labels import Label
    from urban_segmentor.structures.instances import Instances

THRESHOLDS: NDArray[np.float64] = np.arange(0.5, 1.0, 0.05)
"""IoU that a match must exceed, float64 (10,)."""

MIN_AREA_PX = 100
SMALL_PX, LARGE_PX = 32**2, 96**2
_ANY_SIZE = (0, 2**62)
SIZES = {
    "small": (0, SMALL_PX),
    "medium": (SMALL_PX, LARGE_PX),
    "large": (LARGE_PX, 2**62),
}
"""Areas of objects as COCO splits them, pixels of the ground truth, from and below."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClassAp:
    """Figures of one class; NaN where there is nothing to find.

    Attributes:
        ap: Mean over the ten thresholds.
        ap50: At IoU 0.5.
        by_size: AP of small, medium and large objects; others are ignored.
        objects: How many there are to find.
        predictions: How many were predicted.
        curve: Precision over recall at IoU 0.5.
    """

    ap: float
    ap50: float
    by_size: dict[str, float]
    objects: int
    predictions: int
    curve: Curve


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InstanceAp:
    """Official instance AP, fractions.

    Attributes:
        ap: Mean over the classes that occur; NaN when none does.
        ap50: The same at IoU 0.5.
        by_size: The same for small, medium and large objects.
        classes: Figures by class name, for each of the eight classes of the benchmark.
        images: Pictures evaluated.
        ignored: Objects not to be found: below 100 pixels.
        groups: Regions of several objects, not to be found either.
    """

    ap: float
    ap50: float
    by_size: dict[str, float]
    classes: dict[str, ClassAp]
    images: int
    ignored: int
    groups: int


class _Image(NamedTuple):
    """What must be known of a picture.

    Attributes:
        objects: int64 (G, 3): label id, pixels, 1 for a single object.
        found: int64 (N, 3): label id, pixels, pixels on void.
        scores: float64 (N,).
        pairs: int64 (P, 3): place in `found`, place in `objects`, pixels in common; of one class.
    """

    objects: NDArray[np.int64]
    found: NDArray[np.int64]
    scores: NDArray[np.float64]
    pairs: NDArray[np.int64]


class InstanceApMeter:
    """Collects pictures one by one; keeps a few numbers of each.

    Args:
        class_names: The class list of the model; names that the benchmark lacks are left out.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._labels = label_table(class_names, THINGS)
        self._void = ~evaluated()
        self._images: list[_Image] = []

    def add(self, instances: Instances, instance_ids: NDArray[np.int32]) -> None:
        """Add one picture.

        Args:
            instances: What was predicted, masks at the size of the ground truth.
            instance_ids: int32 (H, W), official `instanceIds` values.

        Raises:
            ShapeError: The ground truth is no int32 (H, W) array.
            DatasetError: Sizes differ, a class id lies outside the list, a score is not finite,
                or the ground truth has values of no label.
        """
        truth = checked_truth(instance_ids, size=instances.masks.image_size)
        labels = self._labels_of(instances)
        values, areas, _ = label_regions(truth)
        truth_labels = labels_of(values)
        # Single caravans and trailers are no void here, unlike groups of them, as in the script.
        is_void = self._void[truth_labels] & ~is_single(values)
        wanted = np.isin(truth_labels, [label.label_id for label in THINGS])
        places = {int(value): i for i, value in enumerate(values[wanted])}
        single = is_single(values[wanted])
        objects = np.stack([truth_labels[wanted], areas[wanted], single], axis=1)
        found: list[tuple[int, int, int]] = []
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
            seen = np.flatnonzero(counts)
            seen_labels = truth_labels[np.searchsorted(values, seen)]
            void = int(counts[seen[is_void[np.searchsorted(values, seen)]]].sum())
            pairs += [
                (len(found), places[value], int(counts[value]))
                for value in seen[seen_labels == label].tolist()
            ]
            found.append((label, area, void))
            kept.append(i)
        self._images.append(
            _Image(
                objects.astype(np.int64),
                np.array(found, dtype=np.int64).reshape(-1, 3),
                instances.scores[kept].astype(np.float64),
                np.array(pairs, dtype=np.int64).reshape(-1, 3),
            )
        )

    def merge(self, other: InstanceApMeter) -> None:
        """Add the pictures of another meter."""
        self._images += other._images

    def result(self) -> InstanceAp:
        """Return the figures over all pictures so far."""
        matches = _Matches.of_images(self._images)
        by_class = {label.name: _class_ap(matches.of_label(label)) for label in THINGS}
        classes = list(by_class.values())
        objects = matches.objects
        single = objects[:, 2] > 0
        return InstanceAp(
            ap=_mean([one.ap for one in classes]),
            ap50=_mean([one.ap50 for one in classes]),
            by_size={size: _mean([one.by_size[size] for one in classes]) for size in SIZES},
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
        predictions: What was predicted in each picture, masks at the size of the ground truth.
        ground_truth: int32 (H, W) each, official `instanceIds` values, in the same order.
        class_names: The class list of the model.

    Raises:
        ShapeError: Ground truth is no int32 (H, W) array.
        DatasetError: There are more of one than of the other, or they do not fit together.
    """
    meter = InstanceApMeter(class_names)
    for instances, truth in in_step(predictions, ground_truth):
        meter.add(instances, truth)
    return meter.result()


class _Matches(NamedTuple):
    """All pictures as one table, with places counted through.

    Attributes:
        objects: int64 (G, 3), as of a picture.
        found: int64 (N, 3).
        scores: float64 (N,).
        pairs: int64 (P, 3).
    """

    objects: NDArray[np.int64]
    found: NDArray[np.int64]
    scores: NDArray[np.float64]
    pairs: NDArray[np.int64]

    @classmethod
    def of_images(cls, images: Sequence[_Image]) -> _Matches:
        none = np.zeros((0, 3), dtype=np.int64)
        sizes = [(0, 0), *((len(image.found), len(image.objects)) for image in images)]
        shifts = [(*shift, 0) for shift in np.cumsum(sizes, axis=0)[:-1].tolist()]
        pairs = [image.pairs + shift for image, shift in zip(images, shifts, strict=True)]
        return cls(
            np.concatenate([none, *(image.objects for image in images)]),
            np.concatenate([none, *(image.found for image in images)]),
            np.concatenate([np.zeros(0), *(image.scores for image in images)]),
            np.concatenate([none, *pairs]),
        )

    def of_label(self, label: Label) -> _Matches:
        """Return the part of one class."""
        objects, found = (table[:, 0] == label.label_id for table in (self.objects, self.found))
        pairs = self.pairs[found[self.pairs[:, 0]]]
        pairs[:, 0] = (np.cumsum(found) - 1)[pairs[:, 0]]
        pairs[:, 1] = (np.cumsum(objects) - 1)[pairs[:, 1]]
        return _Matches(self.objects[objects], self.found[found], self.scores[found], pairs)

    def counted(self, size: tuple[int, int] = _ANY_SIZE) -> NDArray[np.bool_]:
        """Return which objects are to be found, bool (G,)."""
        _, areas, single = self.objects.T
        lowest = max(size[0], MIN_AREA_PX)
        return (single > 0) & (areas >= lowest) & (areas < size[1])


def _class_ap(matches: _Matches) -> ClassAp:
    def aps(size: tuple[int, int]) -> list[float]:
        curves = [_curve(matches, threshold, size) for threshold in THRESHOLDS.tolist()]
        return [float("nan") if curve is None else curve.area() for curve in curves]

    everything = aps(_ANY_SIZE)
    none = np.zeros(0)
    return ClassAp(
        ap=float(np.mean(everything)),
        ap50=everything[0],
        by_size={name: float(np.mean(aps(size))) for name, size in SIZES.items()},
        objects=int(np.count_nonzero(matches.counted())),
        predictions=len(matches.found),
        curve=_curve(matches, float(THRESHOLDS[0]), _ANY_SIZE)
        or Curve(scores=none, precision=none, recall=none),
    )


def _curve(matches: _Matches, threshold: float, size: tuple[int, int]) -> Curve | None:
    """Return precision over recall at one IoU for objects of one size, None without objects."""
    _, areas, single = matches.objects.T
    counted = matches.counted(size)
    if not counted.any():
        return None
    _, pixels, void = matches.found.T
    found, target, common = matches.pairs.T
    matched = common / (areas[target] + pixels[found] - common) > threshold
    # Of several on one object the best is right, all others are wrong.
    right = matched & counted[target]
    order = np.lexsort((-matches.scores[found[right]], target[right]))
    scores = matches.scores[found[right][order]]
    best = np.diff(target[right][order], prepend=-1) != 0
    # A group below 100 pixels counts twice, as in the official script.
    times = np.where(single > 0, ~counted, 1 + (areas < MIN_AREA_PX))
    ignored = void + np.bincount(found, weights=common * times[target], minlength=len(void))
    wrong = ignored / pixels <= threshold
    wrong &= (pixels >= size[0]) & (pixels < size[1])
    wrong[found[matched]] = False
    misses = np.append(scores[~best], matches.scores[wrong])
    return precision_recall(scores[best], misses, objects=int(np.count_nonzero(counted)))


def _mean(values: Sequence[float]) -> float:
    """Return the mean without NaN; NaN when nothing is left."""
    real = [value for value in values if not np.isnan(value)]
    return float(np.mean(real)) if real else float("nan")
