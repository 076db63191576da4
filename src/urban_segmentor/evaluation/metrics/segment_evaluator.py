"""Figures over data sets of any classes: AP as COCO has it, and panoptic quality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.datasets.segments import paint_label_mask
from urban_segmentor.evaluation.metrics.coco_ap import CocoMeter
from urban_segmentor.evaluation.metrics.evaluator import Evaluation
from urban_segmentor.evaluation.metrics.panoptic_quality import PanopticMeter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.segments import Segments
    from urban_segmentor.evaluation.predictions import FramePrediction


class SegmentEvaluator:
    """Collects pictures one by one, by rules that know nothing of Cityscapes.

    AP is over all classes, each annotated region an object; panoptic quality is given where there
    is stuff among the classes, all regions of a class of stuff as one segment.

    Args:
        class_names: The class list of the model.
        classes: The classes that count.
    """

    def __init__(self, class_names: Sequence[str], *, classes: DatasetClasses) -> None:
        self._classes = classes
        self._coco = CocoMeter(class_names, wanted=classes.labels)
        self._panoptic = PanopticMeter(class_names, wanted=classes.labels)
        self._ids = np.array([label.label_id for label in classes.labels], dtype=np.int64)
        self._is_thing = np.array([label.is_thing for label in classes.labels], dtype=np.bool_)
        self._images = 0
        self._added: set[str] = set()

    def add(self, segments: Segments, predicted: FramePrediction) -> None:
        """Add one picture.

        Args:
            segments: All labels of it, in the classes that count.
            predicted: What was predicted, at the size of the labels.

        Raises:
            DatasetError: Prediction and labels do not fit together.
        """
        label_ids = self._ids[segments.class_ids]
        if predicted.instances is not None:
            self._coco.add_masks(
                predicted.instances,
                segments.masks,
                label_ids=label_ids,
                is_crowd=segments.is_crowd,
            )
            self._added.add("instances")
        if predicted.panoptic is not None:
            numbers, first = self._numbered(segments)
            self._panoptic.add_numbered(
                predicted.panoptic,
                paint_label_mask(segments, numbers),
                label_ids=label_ids[first],
                is_crowd=segments.is_crowd[first],
            )
            self._added.add("panoptic")
        self._images += 1

    def merge(self, other: SegmentEvaluator) -> None:
        """Add the pictures of another evaluator, after the own ones."""
        self._coco.merge(other._coco)
        self._panoptic.merge(other._panoptic)
        self._images += other._images
        self._added |= other._added

    def quality(self) -> float:
        """Return panoptic quality over all pictures so far, a fraction; NaN without maps."""
        return self._panoptic.result().pq if "panoptic" in self._added else math.nan

    def result(self) -> Evaluation:
        """Return all figures over all pictures so far.

        Raises:
            MissingExtraError: There are instances, and faster-coco-eval is not installed.
        """
        has_stuff = bool(self._classes.stuff) and "panoptic" in self._added
        return Evaluation(
            instance=None,
            coco=self._coco.result() if "instances" in self._added else None,
            panoptic=self._panoptic.result() if has_stuff else None,
            semantic=None,
            images=self._images,
            class_names=self._classes.names,
            objects=self._coco.object_counts(),
        )

    def _numbered(self, segments: Segments) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        """Return the number of each mask's segment, int32 (N,), and each segment's first mask.

        Regions of a class of stuff are one segment, and so are the crowds of a class.
        """
        class_ids = segments.class_ids.astype(np.int64)
        joined = segments.is_crowd | ~self._is_thing[class_ids]
        own = np.arange(len(class_ids)) + 2 * len(self._ids)
        keys = np.where(joined, 2 * class_ids + segments.is_crowd, own)
        _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        return (numbers + 1).astype(np.int32), first
