"""A stage and a renderer that follow what the viewers set, frame by frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.visualization.hud import Hud
from urban_segmentor.visualization.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame, Image, Yuv420
    from urban_segmentor.visualization.live_stats import LiveStats
    from urban_segmentor.visualization.style import OverlayStyle


class ViewFilter:
    """A `Stage` that leaves the classes of the view.

    Args:
        controls: Hold the view.
    """

    def __init__(self, controls: ViewControls) -> None:
        self._controls = controls

    def __call__(self, result: Result, /) -> Result:
        """Return the result with the instances that the viewers want."""
        classes = self._controls.view.classes
        if classes is None:
            return result
        wanted = np.array([name in classes for name in result.names], dtype=np.bool_)
        instances = result.instances
        return result.with_instances(instances.select(wanted[instances.class_ids]))

    def reset(self) -> None:
        """Do nothing: it holds no state."""


class ViewRenderer:
    """A `Renderer` that draws as the view wants it, with the figures of the run.

    Args:
        controls: Hold the view.
        style: How it is drawn when nothing else is asked for.
        stats: Gives the figures for the corner.
    """

    def __init__(
        self, controls: ViewControls, *, style: OverlayStyle, stats: Callable[[], LiveStats]
    ) -> None:
        self._controls, self._stats = controls, stats
        self._hud = Hud()
        self._full, self._masks_only = (
            Overlay(style=style),
            Overlay(style=replace(style, masks_only=True)),
        )

    def __call__(self, frame: Frame, result: Result, /) -> Image | Yuv420:
        """Return new pixels in the size and the pixel format of the frame.

        Args:
            frame: RGB uint8 (H, W, 3), or the planes of a video frame.
            result: What was found in it.
        """
        view = self._controls.view
        overlay = self._masks_only if view.masks_only else self._full
        pixels = overlay(frame, result)
        if not view.figures:
            return pixels
        return self._hud.draw(pixels, self._stats())
