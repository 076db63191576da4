"""All metrics over a data set at once: instance AP, COCO AP, panoptic quality, mean IoU."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from urban_segmentor.evaluation.metrics.coco_ap import CocoAp, CocoMeter
from urban_segmentor.evaluation.metrics.instance_ap import InstanceAp, InstanceApMeter
from urban_segmentor.evaluation.metrics.mean_iou import MeanIou, SemanticMeter
from urban_segmentor.evaluation.metrics.panoptic_quality import PanopticMeter, PanopticQuality
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.panoptic import PanopticMap


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Evaluation:
    """Metrics over a data set; None where the predictions lack the kind that they need.

    Attributes:
        instance: Official instance AP.
        coco: COCO AP of masks and boxes.
        panoptic: Official panoptic quality.
        semantic: Official mean IoU.
        images: Images evaluated.
        class_names: The classes that count.
        objects: How many objects of each class there are to find, where `instance` does not say.
    """

    instance: InstanceAp | None
    coco: CocoAp | None
    panoptic: PanopticQuality | None
    semantic: MeanIou | None
    images: int
    class_names: tuple[str, ...] = TRAIN_NAMES
    objects: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to find at all."""
        found = [
            self.instance and self.instance.ap,
            self.semantic and self.semantic.miou,
            None if self.instance else self.coco and self.coco.mask.ap,
            self.panoptic and self.panoptic.pq,
        ]
        return all(figure is None or math.isnan(figure) for figure in found)


class PartialEvaluator(Protocol):
    """Collects pictures, and adds up with others of its kind."""

    def merge(self, other: Self) -> None:
        """Add the pictures of another evaluator, after the own ones."""
        ...

    def quality(self) -> float:
        """Return one figure over all pictures so far, a fraction, faster than all of them."""
        ...

    def result(self) -> Evaluation:
        """Return all figures over all pictures so far."""
        ...


class Evaluator:
    """Accumulates all metrics image by image; keeps no pixels but the RLE of instances.

    Args:
        class_names: The class list of the model.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._instance = InstanceApMeter(class_names)
        self._coco = CocoMeter(class_names)
        self._panoptic = PanopticMeter(class_names)
        self._semantic = SemanticMeter()
        self._images = 0
        self._added: set[str] = set()

    def add(
        self,
        instance_ids: NDArray[np.int32],
        *,
        instances: Instances | None = None,
        panoptic: PanopticMap | None = None,
        label_ids: NDArray[np.uint8] | None = None,
    ) -> None:
        """Add one image; give the same kinds of predictions for each.

        Args:
            instance_ids: int32 (H, W), official `instanceIds` values.
            instances: Predicted instances, masks at the size of the ground truth.
            panoptic: Predicted panoptic map.
            label_ids: Predicted semantic map, uint8 (H, W), official label ids, 0 for nothing.

        Raises:
            ShapeError: An array has another dtype, or is no (H, W).
            DatasetError: Prediction and ground truth do not fit together.
        """
        if instances is not None:
            self._instance.add(instances, instance_ids)
            self._coco.add(instances, instance_ids)
            self._added.add("instances")
        if panoptic is not None:
            self._panoptic.add(panoptic, instance_ids)
            self._added.add("panoptic")
        if label_ids is not None:
            self._semantic.add(label_ids, instance_ids)
            self._added.add("label_ids")
        self._images += 1

    def merge(self, other: Evaluator) -> None:
        """Add the images of another evaluator, after the own ones."""
        self._instance.merge(other._instance)
        self._coco.merge(other._coco)
        self._panoptic.merge(other._panoptic)
        self._semantic.merge(other._semantic)
        self._images += other._images
        self._added |= other._added

    def quality(self) -> float:
        """Return one metric over all images so far, a fraction, much faster than all of them.

        Panoptic quality where there are maps, else mean IoU, else instance AP at IoU 0.5.
        """
        if "panoptic" in self._added:
            return self._panoptic.result().pq
        if "label_ids" in self._added:
            return self._semantic.result().miou
        return self._instance.result().ap50

    def result(self) -> Evaluation:
        """Return all metrics over all images so far.

        Raises:
            MissingExtraError: There are instances, and faster-coco-eval is not installed.
        """
        has = self._added
        return Evaluation(
            instance=self._instance.result() if "instances" in has else None,
            coco=self._coco.result() if "instances" in has else None,
            panoptic=self._panoptic.result() if "panoptic" in has else None,
            semantic=self._semantic.result() if "label_ids" in has else None,
            images=self._images,
        )
