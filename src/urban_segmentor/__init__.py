"""Street images and video in, instance masks out: fast on an ordinary CPU, without PyTorch.

>>> import urban_segmentor as us
>>> segmenter = us.Segmenter("urban-n")
>>> result = segmenter("photo.jpg")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.apps.live.viewers import BrowserPage, Window
    from urban_segmentor.errors import (
        DatasetError,
        ModelError,
        OutputError,
        SettingError,
        ShapeError,
        SourceError,
        UrbanSegmentorError,
    )
    from urban_segmentor.evaluation.evaluate import evaluate
    from urban_segmentor.exporters.export_model import export
    from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.inference.semantic_smoother import SemanticSmoother
    from urban_segmentor.io.image_files import ImageWriter
    from urban_segmentor.io.video_reader import VideoReader
    from urban_segmentor.io.video_writer import VideoWriter
    from urban_segmentor.io.writers import WRITERS as writers  # noqa: N811 - as users type it
    from urban_segmentor.pipeline import Pipeline
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassInfo, ClassList
    from urban_segmentor.structures.frame import Frame, Yuv420
    from urban_segmentor.structures.instance import Instance
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.masks import Mask, Masks
    from urban_segmentor.structures.panoptic import PanopticMap, Segment, SemanticMap
    from urban_segmentor.visualization.overlay import Overlay
    from urban_segmentor.visualization.style import OverlayStyle

__version__ = "0.1.0"

_HOMES = {
    "apps.live.viewers": ("BrowserPage", "Window"),
    "errors": (
        *("DatasetError", "ModelError", "OutputError", "SettingError"),
        *("ShapeError", "SourceError", "UrbanSegmentorError"),
    ),
    "evaluation.evaluate": ("evaluate",),
    "exporters.export_model": ("export",),
    "inference.panoptic_segmenter": ("PanopticSegmenter",),
    "inference.segmenter": ("Segmenter",),
    "inference.semantic_smoother": ("SemanticSmoother",),
    "io.image_files": ("ImageWriter",),
    "io.video_reader": ("VideoReader",),
    "io.video_writer": ("VideoWriter",),
    "io.writers": ("writers",),
    "pipeline": ("Pipeline",),
    "result": ("Result",),
    "structures.classes": ("ClassInfo", "ClassList"),
    "structures.frame": ("Frame", "Yuv420"),
    "structures.instance": ("Instance",),
    "structures.instances": ("Instances",),
    "structures.masks": ("Mask", "Masks"),
    "structures.panoptic": ("PanopticMap", "Segment", "SemanticMap"),
    "visualization.overlay": ("Overlay",),
    "visualization.style": ("OverlayStyle",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BrowserPage",
    "ClassInfo",
    "ClassList",
    "DatasetError",
    "Frame",
    "ImageWriter",
    "Instance",
    "Instances",
    "Mask",
    "Masks",
    "ModelError",
    "OutputError",
    "Overlay",
    "OverlayStyle",
    "PanopticMap",
    "PanopticSegmenter",
    "Pipeline",
    "Result",
    "Segment",
    "Segmenter",
    "SemanticMap",
    "SemanticSmoother",
    "SettingError",
    "ShapeError",
    "SourceError",
    "UrbanSegmentorError",
    "VideoReader",
    "VideoWriter",
    "Window",
    "Yuv420",
    "evaluate",
    "export",
    "writers",
]


def __getattr__(name: str) -> object:
    """Return a public name, importing its home when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    from importlib import import_module  # noqa: PLC0415

    module = import_module(f"{__name__}.{_HOME_OF[name]}")
    return getattr(module, "WRITERS" if name == "writers" else name)


def __dir__() -> list[str]:
    """Return the public names, for Tab."""
    return sorted([*globals(), *_HOME_OF])
