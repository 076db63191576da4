"""Street pictures and video in, instance masks out: fast on an ordinary CPU, without PyTorch.

>>> from urban_segmentor import Segmenter
>>> instances = Segmenter.load("urban-n")(image)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.structures.frame import Frame, Yuv420
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.masks import Masks
    from urban_segmentor.visualization.overlay import Overlay, OverlayStyle

__version__ = "0.1.0"

__all__ = ["Frame", "Instances", "Masks", "Overlay", "OverlayStyle", "Segmenter", "Yuv420"]

_HOMES = {
    "Frame": "urban_segmentor.structures.frame",
    "Instances": "urban_segmentor.structures.instances",
    "Masks": "urban_segmentor.structures.masks",
    "Overlay": "urban_segmentor.visualization.overlay",
    "OverlayStyle": "urban_segmentor.visualization.overlay",
    "Segmenter": "urban_segmentor.inference.segmenter",
    "Yuv420": "urban_segmentor.structures.frame",
}


def __getattr__(name: str) -> object:
    """Return a public name, importing its home when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_HOMES[name]), name)
