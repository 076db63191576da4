"""Figures by the official rules: instance AP, panoptic quality, mean IoU, and AP as in COCO."""

from urban_segmentor.evaluate.coco import CocoAp, CocoMeter, coco_ap
from urban_segmentor.evaluate.instances import InstanceAp, InstanceApMeter, instance_ap
from urban_segmentor.evaluate.panoptic import PanopticMeter, PanopticQuality, panoptic_quality
from urban_segmentor.evaluate.semantic import MeanIou, SemanticMeter, label_ids, mean_iou

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
