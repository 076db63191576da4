"""COCO AP of masks and boxes; of Cityscapes over the eight thing classes.

Computed by faster-coco-eval, whose figures are those of pycocotools.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from urban_segmentor.errors import MissingExtraError
from urban_segmentor.evaluation.metrics.ground_truth import (
    THINGS,
    check_same_size,
    check_truth,
    is_single,
    label_ids_of_classes,
    labels_of,
    paired,
)
from urban_segmentor.structures.label_regions import LabelRegions, label_regions, masks_of
from urban_segmentor.structures.rle import encode_rle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.cityscapes_labels import CityscapesLabel
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.masks import Masks

_RANGES = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 10**10)}
"""Minimum and maximum area, pixels, both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoFigures:
    """COCO AP of one kind, fractions; NaN where there are no objects.

    Attributes:
        ap: Mean over IoU 0.5 to 0.95 and over classes.
        ap50: At IoU 0.5.
        ap75: At IoU 0.75.
        by_size: AP of small (below 32 x 32 pixels), medium and large objects.
        classes: AP by class name.
    """

    ap: float
    ap50: float
    ap75: float
    by_size: dict[str, float]
    classes: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoAp:
    """COCO AP of masks and boxes.

    Attributes:
        mask: AP of masks.
        box: AP of boxes.
        images: Images evaluated.
    """

    mask: CocoFigures
    box: CocoFigures
    images: int


class CocoMeter:
    """Accumulates COCO ground truth and detections image by image, masks as RLE.

    Args:
        class_names: The class list of the model.
        wanted: The classes that count, with ids of their own from 1.
    """

    def __init__(
        self, class_names: Sequence[str], *, wanted: Sequence[CityscapesLabel] = THINGS
    ) -> None:
        self._labels = label_ids_of_classes(class_names, wanted)
        self._wanted = tuple(wanted)
        self._images: list[dict[str, Any]] = []
        self._objects: list[dict[str, Any]] = []
        self._detections: list[dict[str, Any]] = []

    def add(self, instances: Instances, instance_ids: NDArray[np.int32]) -> None:
        """Add one image of Cityscapes.

        Args:
            instances: Predicted instances, masks at the size of the ground truth.
            instance_ids: int32 (H, W), official `instanceIds` values.

        Raises:
            ShapeError: The ground truth is no int32 (H, W) array.
            DatasetError: Sizes differ, or the ground truth has values of no label.
        """
        truth = check_truth(instance_ids, size=instances.masks.image_size)
        values, areas, boxes = label_regions(truth)
        labels = labels_of(values)
        things = np.isin(labels, [label.label_id for label in THINGS])
        values, labels, areas = values[things], labels[things], areas[things]
        masks = masks_of(truth, LabelRegions(values, areas, boxes[things]))
        self.add_masks(instances, masks, label_ids=labels, is_crowd=~is_single(values))

    def add_masks(
        self,
        instances: Instances,
        masks: Masks,
        *,
        label_ids: NDArray[np.int64],
        is_crowd: NDArray[np.bool_],
    ) -> None:
        """Add one picture of which the true masks are known; they may overlap.

        Args:
            instances: What was predicted, masks at the size of the true ones.
            masks: N true masks.
            label_ids: int64 (N,), ids of their classes.
            is_crowd: bool (N,), true for regions of several objects.

        Raises:
            DatasetError: Sizes differ.
        """
        check_same_size(masks.image_size, predicted=instances.masks.image_size)
        height, width = masks.image_size
        number = len(self._images) + 1
        self._images.append({"id": number, "height": height, "width": width})
        rows = zip(
            label_ids.tolist(),
            masks.areas().tolist(),
            is_crowd.tolist(),
            masks.rectangles().tolist(),
            encode_rle(masks),
            strict=True,
        )
        self._objects += [
            {
                "image_id": number,
                "category_id": label,
                "area": area,
                "iscrowd": int(crowd),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "segmentation": rle,
            }
            for label, area, crowd, (x1, y1, x2, y2), rle in rows
        ]
        self._add_found(instances, number)

    def object_counts(self) -> dict[str, int]:
        """Return how many objects of each class there are, without crowds."""
        counts = Counter(one["category_id"] for one in self._objects if not one["iscrowd"])
        return {label.name: counts[label.label_id] for label in self._wanted}

    def _add_found(self, instances: Instances, number: int) -> None:
        labels = self._labels[instances.class_ids]
        kept = instances.select(labels > 0)
        boxes = kept.boxes.astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        rows = zip(
            labels[labels > 0].tolist(),
            kept.scores.tolist(),
            boxes.tolist(),
            encode_rle(kept.masks),
            strict=True,
        )
        self._detections += [
            {
                "image_id": number,
                "category_id": label,
                "score": score,
                "bbox": box,
                "segmentation": rle,
            }
            for label, score, box, rle in rows
        ]

    def merge(self, other: CocoMeter) -> None:
        """Add the images of another meter."""
        before = len(self._images)
        ours = (self._images, "id"), (self._objects, "image_id"), (self._detections, "image_id")
        theirs = (other._images, other._objects, other._detections)
        for (mine, key), more in zip(ours, theirs, strict=True):
            mine += [{**entry, key: entry[key] + before} for entry in more]

    def result(self) -> CocoAp:
        """Return COCO AP over all images so far.

        Raises:
            MissingExtraError: faster-coco-eval is not installed.
        """
        return CocoAp(
            mask=self._figures("segm"), box=self._figures("bbox"), images=len(self._images)
        )

    def dataset(self) -> dict[str, Any]:
        """Return the ground truth as a COCO dataset."""
        objects = [{"id": i, **entry} for i, entry in enumerate(self._objects, start=1)]
        categories = [{"id": label.label_id, "name": label.name} for label in self._wanted]
        return {"images": self._images, "annotations": objects, "categories": categories}

    def detections(self) -> list[dict[str, Any]]:
        """Return the predictions as a list of COCO results."""
        return [dict(entry) for entry in self._detections]

    def _figures(self, kind: Literal["segm", "bbox"]) -> CocoFigures:
        try:
            from faster_coco_eval import COCO, COCOeval_faster  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError("faster_coco_eval", extra="eval") from error
        if not self._detections:
            return self._without_detections()
        with contextlib.redirect_stdout(io.StringIO()):
            truth = COCO(self.dataset())
            run: Any = COCOeval_faster(truth, truth.loadRes(self.detections()), iouType=kind)
            run.evaluate()
            run.accumulate()
        # (thresholds, recalls, classes, areas, most detections); -1 where there is nothing.
        table = np.asarray(run.eval["precision"], dtype=np.float64)[..., -1]
        by_size = {name: _mean(table[..., i]) for i, name in enumerate(_RANGES, start=1)}
        ids: list[int] = list(run.params.catIds)
        return CocoFigures(
            ap=_mean(table[..., 0]),
            ap50=_mean(table[0, ..., 0]),
            ap75=_mean(table[5, ..., 0]),
            by_size=by_size,
            classes={
                label.name: _mean(table[:, :, ids.index(label.label_id), 0])
                for label in self._wanted
            },
        )

    def _without_detections(self) -> CocoFigures:
        """Return AP 0 where there are objects; the library needs at least one prediction."""
        real = [entry for entry in self._objects if not entry["iscrowd"]]
        there = {entry["category_id"] for entry in real}
        sizes = {
            name: _zero_if(any(low <= entry["area"] <= high for entry in real))
            for name, (low, high) in _RANGES.items()
        }
        classes = {label.name: _zero_if(label.label_id in there) for label in self._wanted}
        some = _zero_if(bool(real))
        return CocoFigures(ap=some, ap50=some, ap75=some, by_size=sizes, classes=classes)


def coco_ap(
    predictions: Iterable[Instances],
    ground_truth: Iterable[NDArray[np.int32]],
    *,
    class_names: Sequence[str],
) -> CocoAp:
    """Return COCO AP of masks and boxes.

    Args:
        predictions: Predicted instances of each image, masks at the size of the ground truth.
        ground_truth: int32 (H, W) each, official `instanceIds` values, in the same order.
        class_names: The class list of the model.

    Raises:
        ShapeError: Ground truth is no int32 (H, W) array.
        DatasetError: There are more of one than of the other, or they do not fit together.
        MissingExtraError: faster-coco-eval is not installed.
    """
    meter = CocoMeter(class_names)
    for instances, truth in paired(predictions, ground_truth):
        meter.add(instances, truth)
    return meter.result()


def _mean(precision: NDArray[np.float64]) -> float:
    """Return the mean without the -1 of what does not occur; NaN when nothing is left."""
    real = precision[precision > -1]
    return float(real.mean()) if len(real) else float("nan")


def _zero_if(there: bool) -> float:  # noqa: FBT001 - the only argument
    return 0.0 if there else float("nan")
