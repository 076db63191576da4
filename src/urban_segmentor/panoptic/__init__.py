"""Instances and stuff merged into one map without overlaps."""

from urban_segmentor.panoptic.merge import MergeRules, merge, segments_as_instances

__all__ = ["MergeRules", "merge", "segments_as_instances"]
