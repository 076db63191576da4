"""Data sets converted to YOLO, COCO, panoptic and Cityscapes' own images."""
