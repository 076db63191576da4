"""A synthetic street with exact truth, for tests, benchmarks and demonstrations."""

from urban_segmentor.testing.actors import Actor
from urban_segmentor.testing.camera import Camera
from urban_segmentor.testing.cityscapes import save_cityscapes
from urban_segmentor.testing.street import Shot, Street
from urban_segmentor.testing.truth import save_truth

__all__ = ["Actor", "Camera", "Shot", "Street", "save_cityscapes", "save_truth"]
