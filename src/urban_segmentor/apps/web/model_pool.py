"""The models that all visitors share, each read and compiled once."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import SettingError, UrbanSegmentorError
from urban_segmentor.inference.config import USUAL_CONFIG, USUAL_MODEL
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.models.registry import DEFAULT_MODEL, embedded_models
from urban_segmentor.visualization.overlay import Overlay

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.apps.web.segment_options import SegmentOptions
    from urban_segmentor.structures.classes import ClassList

STREAMS = 2
"""Networks at work at once: one a core beats one on two cores."""

_USUAL_SIZES = ((720, 1280), (480, 640))  # films, and cameras


class ModelPool:
    """Answers with segmenters and renderers for what a visitor chose.

    Args:
        model: The one that the page begins with: an embedded name, a path, or a hub address.
        device: `auto`, `cpu`, `gpu`, ...
        load: Reads a model; for tests.
    """

    def __init__(
        self,
        model: str = USUAL_MODEL.model,
        *,
        device: str = USUAL_MODEL.device,
        load: Callable[..., Segmenter] = Segmenter,
    ) -> None:
        self._load, self._device = load, device
        self._sources: dict[str, str] = {name: name for name in (DEFAULT_MODEL, *embedded_models())}
        self.model = model
        if model not in self._sources:
            self.model = Path(model).stem
            self._sources = {self.model: model, **self._sources}
        self._segmenters: dict[str, Segmenter] = {}
        self._warming: threading.Thread | None = None
        self._is_closing = False
        self._lock = threading.Lock()
        self._loading = {name: threading.Lock() for name in self._sources}

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that a visitor may choose from; nothing else is ever opened."""
        return tuple(self._sources)

    @property
    def source(self) -> str:
        """What the user named for the model that the page begins with."""
        return self._sources[self.model]

    @property
    def ready(self) -> bool:
        """True when the model that the page begins with has been read."""
        return self.model in self._segmenters

    def begin(self) -> None:
        """Read and compile the first model behind the caller's back, for the usual shapes."""
        self._warming = threading.Thread(target=self._warm_up, daemon=True, name="model")
        self._warming.start()

    def close(self) -> None:
        """Wait until what `begin` began is done.

        An interpreter that ends while a thread is in native code may abort.
        """
        self._is_closing = True
        if self._warming is not None:
            self._warming.join()

    def segmenter(self, model: str) -> Segmenter:
        """Return a model as it is by default, reading it when it is asked for the first time.

        Args:
            model: One of `models`.

        Raises:
            SettingError: It is none of them.
            ModelError: Its file is damaged.
        """
        if model not in self._sources:
            raise SettingError(
                f"there is no model `{model[:80]}` here",
                hint=f"choose from {', '.join(self.models)}",
            )
        with self._loading[model]:
            if model not in self._segmenters:
                self._segmenters[model] = self._load(
                    self._sources[model], device=self._device, streams=STREAMS
                )
            return self._segmenters[model]

    def classes(self, model: str) -> ClassList:
        """Return the class list of a model."""
        return self.segmenter(model).spec.classes

    def class_names(self, model: str) -> tuple[str, ...]:
        """Return the class names of a model, by class id."""
        return self.classes(model).names

    def segmenter_for(self, choices: SegmentOptions) -> Segmenter | PanopticSegmenter:
        """Return what finds the instances; it shares the compiled network with all others.

        Args:
            choices: Model, thresholds, classes, and whether to merge.

        Raises:
            SettingError: There is no such model, or the model has no such class.
        """
        segmenter = self.segmenter(choices.model)
        if not choices.panoptic:
            return segmenter.with_settings(
                conf=choices.conf, iou=choices.iou, classes=choices.classes
            )
        config = PanopticConfig()
        if choices.conf != USUAL_CONFIG.conf:  # what a visitor sets counts for things and stuff
            config = config.with_min_score(choices.conf)
        chosen = segmenter.with_settings(iou=choices.iou, classes=choices.classes)
        return PanopticSegmenter(chosen, config=config)

    def overlay(self, choices: SegmentOptions) -> Overlay:
        """Return what draws them."""
        return Overlay(style=choices.style())

    def _warm_up(self) -> None:
        with suppress(UrbanSegmentorError):  # whoever asks for the model is told
            for size in _USUAL_SIZES:
                if self._is_closing:
                    return
                self.segmenter(self.model)(np.zeros((*size, 3), dtype=np.uint8))
