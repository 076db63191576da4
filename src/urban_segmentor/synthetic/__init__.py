"""A synthetic street with exact ground truth, for tests, benchmarks and demonstrations."""

from urban_segmentor.synthetic.actors import Actor
from urban_segmentor.synthetic.camera import Camera
from urban_segmentor.synthetic.cityscapes import save_cityscapes
from urban_segmentor.synthetic.street import RenderedFrame, Street
from urban_segmentor.synthetic.truth import save_truth

__all__ = ["Actor", "Camera", "RenderedFrame", "Street", "save_cityscapes", "save_truth"]
