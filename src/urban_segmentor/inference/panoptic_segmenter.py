"""A segmenter whose instances share no pixel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from urban_segmentor.inference.panoptic_merge import merge_panoptic, segments_as_instances
from urban_segmentor.protocols import InstanceSegmenter

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.inference.panoptic_merge import PanopticConfig
    from urban_segmentor.models.spec import ModelSpec
    from urban_segmentor.structures.frame import Image, Yuv420
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.panoptic import PanopticMap


class SpecifiedFinder(InstanceSegmenter, Protocol):
    """A finder that knows its classes, as `Segmenter` does."""

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself."""
        ...


class PanopticSegmenter:
    """Merges what a segmenter finds; is called as that is, also from several threads at once.

    Args:
        segmenter: Finds the instances; its own lowest score should be `rules.least_score`, as
            what it does not report cannot fill the map.
        rules: What gets in.
    """

    def __init__(self, segmenter: SpecifiedFinder, *, rules: PanopticConfig | None = None) -> None:
        self._segmenter = segmenter
        self._rules = rules

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself."""
        return self._segmenter.spec

    @property
    def streams(self) -> int:
        """How many pictures may be in work at once."""
        return self._segmenter.streams

    def __call__(
        self, pixels: Image | Yuv420, *, on_stage: Callable[[str, float], None] | None = None
    ) -> Instances:
        """Return the segments of a picture: things, best score first, then stuff.

        Args:
            pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
            on_stage: Called with the name of each stage and what it took, seconds; `merge`
                contains the masks, which are decoded when they are painted.
        """
        found = self._segmenter(pixels, on_stage=on_stage)
        since_s = time.perf_counter()
        segments = segments_as_instances(self._merged(found))
        if on_stage is not None:
            on_stage("merge", time.perf_counter() - since_s)
        return segments

    def panoptic_map(self, pixels: Image | Yuv420) -> PanopticMap:
        """Return the panoptic map of a picture.

        Args:
            pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
        """
        return self._merged(self._segmenter(pixels))

    def _merged(self, found: Instances) -> PanopticMap:
        return merge_panoptic(found, class_names=self.spec.class_names, rules=self._rules)
