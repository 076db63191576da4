"""A segmenter whose instances share no pixel."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from urban_segmentor.inference.base_segmenter import BaseSegmenter
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_merge import merge_panoptic, segments_as_instances
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.inference.semantic_smoother import SemanticSmoother
from urban_segmentor.models.registry import DEFAULT_MODEL
from urban_segmentor.profiling import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.models.spec import ModelSpec
    from urban_segmentor.protocols import Stage
    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame


class PanopticSegmenter(BaseSegmenter):
    """Merges what a segmenter finds into one panoptic map; is called as that is.

    `result.panoptic` is the map, and `result.instances` are its segments: things, best score
    first, then stuff.

    Args:
        segmenter: Finds the instances, or the model that does; its lowest score gives way to
            that of `config`.
        config: What gets into the map.
    """

    def __init__(
        self,
        segmenter: Segmenter | str | Path = DEFAULT_MODEL,
        *,
        config: PanopticConfig | None = None,
    ) -> None:
        if isinstance(segmenter, str | Path):
            segmenter = Segmenter(segmenter)
        self._config = PanopticConfig() if config is None else config
        self._segmenter = segmenter.with_config(conf=self._min_conf(segmenter.spec), surfaces=False)

    @property
    def spec(self) -> ModelSpec:
        """The metadata of the model, with its classes."""
        return self._segmenter.spec

    @property
    def streams(self) -> int:
        """How many frames may be in work at once."""
        return self._segmenter.streams

    def _segment(self, frame: Frame) -> Result:
        return self._merged(self._segmenter.segment(frame))

    def _merged(self, result: Result) -> Result:
        """Return a result with its map, and the segments of that as instances."""
        stopwatch = Stopwatch()
        keep_classes = None
        if result.semantic is not None:
            keep_classes = self._segmenter.config.class_ids(self.classes)
        panoptic = merge_panoptic(
            result.instances,
            semantic=result.semantic,
            keep_classes=keep_classes,
            config=self._config,
        )
        instances = segments_as_instances(panoptic, classes=result.classes)
        stopwatch.lap("merge")  # masks are decoded as they are painted
        return replace(
            result,
            instances=instances,
            panoptic=panoptic,
            milliseconds={**result.milliseconds, **stopwatch.milliseconds},
        )

    def _min_conf(self, spec: ModelSpec) -> float:
        """Return the lowest score to ask for; a map's surfaces are not asked for."""
        config = self._config
        return config.thing_probability if spec.has_semantic else config.min_score

    def with_settings(
        self,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int | None = None,
        classes: Sequence[str | int] | None = None,
        imgsz: int | tuple[int, int] | None = None,
    ) -> Self:
        """Return the segmenter with other settings where they are given; both share the network."""
        other = copy.copy(self)
        if conf is not None:  # what is asked for counts for things and stuff
            other._config = self._config.with_min_score(conf)  # noqa: SLF001 - of its own kind
        other._segmenter = self._segmenter.with_settings(  # noqa: SLF001 - of its own kind
            conf=other._min_conf(self.spec),  # noqa: SLF001 - of its own kind
            iou=iou,
            max_det=max_det,
            classes=classes,
            imgsz=imgsz,
        )
        return other

    def for_video(self) -> tuple[BaseSegmenter, tuple[Stage, ...]]:
        """Return the segmenter for a video, and the stages behind it that smooth over time.

        Then a stage merges, as it has to come after the smoothing.
        """
        if not self.spec.has_semantic:
            return self, ()
        return self._segmenter, (SemanticSmoother(finish=self._merged),)

    def for_many(self) -> Self:
        """Return the segmenter compiled for the highest rate over many frames."""
        other = copy.copy(self)
        other._segmenter = self._segmenter.for_many()  # noqa: SLF001 - of its own kind
        return other
