"""Instances and stuff merged into one map without overlaps.

>>> from urban_segmentor import Segmenter
>>> from urban_segmentor.panoptic import PanopticSegmenter
>>> panoptic = PanopticSegmenter(Segmenter.load(conf=0.1)).panoptic_map(image)  # doctest: +SKIP
"""

from urban_segmentor.panoptic.merge import MergeRules, merge, segments_as_instances
from urban_segmentor.panoptic.segmenter import PanopticSegmenter

__all__ = ["MergeRules", "PanopticSegmenter", "merge", "segments_as_instances"]
