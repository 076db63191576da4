"""A synthetic street with exact ground truth, for tests, benchmarks and demonstrations."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.synthetic.actors import Actor
    from urban_segmentor.synthetic.camera import Camera
    from urban_segmentor.synthetic.cityscapes import save_cityscapes
    from urban_segmentor.synthetic.street import RenderedFrame, Street
    from urban_segmentor.synthetic.truth import save_truth

__all__ = ["Actor", "Camera", "RenderedFrame", "Street", "save_cityscapes", "save_truth"]

# Imported when first used, so that the options of a street are had without NumPy.
_HOMES = {
    "Actor": "urban_segmentor.synthetic.actors",
    "Camera": "urban_segmentor.synthetic.camera",
    "RenderedFrame": "urban_segmentor.synthetic.street",
    "Street": "urban_segmentor.synthetic.street",
    "save_cityscapes": "urban_segmentor.synthetic.cityscapes",
    "save_truth": "urban_segmentor.synthetic.truth",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
