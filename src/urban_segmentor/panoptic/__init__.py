"""Instances and stuff merged into one map without overlaps."""
