"""Stages that follow what the viewers set, frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.visualization.hud import Hud
from urban_segmentor.visualization.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.structures.frame import Frame, Image, Yuv420
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.visualization.canvas import Canvas
    from urban_segmentor.visualization.live_stats import LiveStats
    from urban_segmentor.visualization.overlay import OverlayStyle


class SteeredSegmenter:
    """A `Finder` with the lowest score and the classes of the view.

    Args:
        segmenter: Finds the instances.
        controls: Hold the view.
    """

    def __init__(self, segmenter: Segmenter, controls: ViewControls) -> None:
        self._segmenter, self._controls = segmenter, controls
        self.streams = segmenter.streams

    def __call__(
        self, pixels: Image | Yuv420, *, on_stage: Callable[[str, float], None] | None = None
    ) -> Instances:
        """Return the instances that the view wants.

        Args:
            pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
            on_stage: Called with the name of each stage and what it took, seconds.
        """
        view = self._controls.view
        segmenter = self._segmenter
        if view.conf != segmenter.settings.conf:
            segmenter = segmenter.with_conf(view.conf)
        found = segmenter(pixels, on_stage=on_stage)
        return found if view.classes is None else found.select(self._wanted(view, found))

    def _wanted(self, view: ViewState, found: Instances) -> NDArray[np.bool_]:
        names = self._controls.class_names
        wanted = np.array([name in (view.classes or ()) for name in names], dtype=np.bool_)
        return wanted[found.class_ids]


class SteeredOverlay:
    """A `Renderer` that draws as the view wants it.

    Args:
        controls: Hold the view.
        style: How it is drawn when nothing else is asked for.
        readings: Gives the figures for the corner.
    """

    def __init__(
        self, controls: ViewControls, *, style: OverlayStyle, readings: Callable[[], LiveStats]
    ) -> None:
        names = controls.class_names
        self._controls, self._readings = controls, readings
        self._hud = Hud()
        self._full = Overlay(names, style=style)
        self._masks_only = Overlay(names, style=style.masks_only())

    def __call__(self, frame: Frame, instances: Instances) -> Image | Yuv420:
        """Return a new picture of the size and the pixel format of the frame.

        Args:
            frame: RGB uint8 (H, W, 3), or the planes of a video frame.
            instances: Found in it.
        """
        view = self._controls.view
        overlay = self._masks_only if view.masks_only else self._full
        return overlay(frame, instances, on_top=self._figures if view.figures else None)

    def _figures(self, canvas: Canvas) -> None:
        self._hud.paint(canvas, self._readings())
