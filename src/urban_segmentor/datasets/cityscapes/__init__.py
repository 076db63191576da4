"""Cityscapes: download, check, read, rasterize."""
