"""Street pictures and video in, instance masks out: fast on an ordinary CPU, without PyTorch.

>>> from urban_segmentor import Segmenter
>>> instances = Segmenter.load("urban-n")(image)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.masks import Masks
    from urban_segmentor.render.overlay import Overlay, OverlayStyle
    from urban_segmentor.segment.segmenter import Segmenter
    from urban_segmentor.types import Frame, Instances, Yuv420

__version__ = "0.1.0"

__all__ = ["Frame", "Instances", "Masks", "Overlay", "OverlayStyle", "Segmenter", "Yuv420"]

_HOMES = {
    "Frame": "urban_segmentor.types",
    "Instances": "urban_segmentor.types",
    "Masks": "urban_segmentor.masks",
    "Overlay": "urban_segmentor.render.overlay",
    "OverlayStyle": "urban_segmentor.render.overlay",
    "Segmenter": "urban_segmentor.segment.segmenter",
    "Yuv420": "urban_segmentor.types",
}


def __getattr__(name: str) -> object:
    """Return a public name, importing its home when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_HOMES[name]), name)
