"""Figures by the official rules: instance AP, panoptic quality, mean IoU, and AP as in COCO."""

from urban_segmentor.evaluation.metrics.coco_ap import CocoAp, CocoMeter, coco_ap
from urban_segmentor.evaluation.metrics.instance_ap import InstanceAp, InstanceApMeter, instance_ap
from urban_segmentor.evaluation.metrics.mean_iou import MeanIou, SemanticMeter, label_ids, mean_iou
from urban_segmentor.evaluation.metrics.panoptic_quality import (
    PanopticMeter,
    PanopticQuality,
    panoptic_quality,
)

__all__ = [
    "CocoAp",
    "CocoMeter",
    "InstanceAp",
    "InstanceApMeter",
    "MeanIou",
    "PanopticMeter",
    "PanopticQuality",
    "SemanticMeter",
    "coco_ap",
    "instance_ap",
    "label_ids",
    "mean_iou",
    "panoptic_quality",
]
