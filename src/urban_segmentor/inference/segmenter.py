"""A model that turns images into instances."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Never, Self

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.inference.base_segmenter import BaseSegmenter, unknown_setting
from urban_segmentor.inference.calibration import THINGS
from urban_segmentor.inference.class_vote import thing_maps, voted_masks, voted_scores
from urban_segmentor.inference.config import (
    MANY_STREAMS,
    USUAL_CONFIG,
    USUAL_MODEL,
    SegmenterConfig,
)
from urban_segmentor.inference.decode_yolo import decode_detections
from urban_segmentor.inference.preprocess import network_input
from urban_segmentor.inference.prototypes import (
    has_pixels,
    has_visible_pixels,
    masks_from_prototypes,
)
from urban_segmentor.inference.runtimes.selection import (
    Precision,
    RuntimeName,
    open_model_file,
    select_runtime,
)
from urban_segmentor.inference.semantic_smoother import SemanticSmoother
from urban_segmentor.inference.surfaces import add_surfaces, with_surfaces
from urban_segmentor.models.registry import resolve_model
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.profiling import Stopwatch
from urban_segmentor.result import Result
from urban_segmentor.structures.boxes import Letterbox, rectangular_size
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.panoptic import SemanticMap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.inference.runtimes.selection import ModelFile, RuntimeSelection
    from urban_segmentor.protocols import Runtime, Stage
    from urban_segmentor.structures.frame import Frame

_COMPILED_SIZES = 4  # a folder of odd images must not fill the memory with networks


class Segmenter(BaseSegmenter):
    """Finds the instances in images; may be called from several threads at once.

    >>> segmenter = Segmenter("urban-n")
    >>> segmenter.names[:3]
    ('road', 'sidewalk', 'building')

    Args:
        model: Name of an embedded model, a path to `.onnx` or `.xml`, or a hub address
            `hf://owner/repo/file.onnx`.
        conf: Only scores above it count, in [0, 1].
        iou: Overlap above which the weaker of two boxes of a class goes, in [0, 1].
        max_det: At most so many instances an image.
        classes: Names or ids of the classes wanted; None for all.
        imgsz: Long side of the network input, or its height and width, pixels; None for what the
            model was exported for.
        device: `auto`, `cpu`, `gpu`, `cuda:0`, ...
        runtime: `auto`, `openvino` or `onnx`.
        precision: `auto` for the one the hardware is best at, or `f32`.
        streams: How many frames may be in work at once in calls from several threads; 1 gives
            the least latency. Lists and `stream` choose by themselves.
        unknown: Nothing else is taken.

    Raises:
        ModelError: The model is not there, damaged, or of another task.
        SettingError: A setting is out of its range, or names no class or device.
        MissingExtraError: The runtime is not installed.
    """

    def __init__(  # noqa: PLR0913
        self,
        model: str | Path = USUAL_MODEL.model,
        *,
        conf: float = USUAL_CONFIG.conf,
        iou: float = USUAL_CONFIG.iou,
        max_det: int = USUAL_CONFIG.max_det,
        classes: Sequence[str | int] | None = USUAL_CONFIG.classes,
        imgsz: int | tuple[int, int] | None = USUAL_CONFIG.imgsz,
        device: str = USUAL_MODEL.device,
        runtime: RuntimeName = USUAL_MODEL.runtime,
        precision: Precision = USUAL_MODEL.precision,
        streams: int = USUAL_MODEL.streams,
        **unknown: Never,
    ) -> None:
        if unknown:
            raise unknown_setting(next(iter(unknown)))
        config = SegmenterConfig(
            conf=conf, iou=iou, max_det=max_det, imgsz=imgsz, classes=_listed(classes)
        )
        path = resolve_model(model)
        selection = select_runtime(device=device, runtime=runtime, suffix=path.suffix)

        def open_file(streams: int) -> ModelFile:
            return open_model_file(path, selection, precision=precision, streams=streams)

        file = open_file(streams)
        spec = ModelSpec.from_metadata(file.metadata, path=str(path))
        self._set_up(
            _Network(file, streams=streams, reopen=open_file),
            spec=spec,
            selection=selection,
            config=config,
            path=str(path),
        )

    @classmethod
    def from_model_file(  # noqa: PLR0913 - each has its name
        cls,
        file: ModelFile,
        *,
        spec: ModelSpec,
        selection: RuntimeSelection,
        config: SegmenterConfig,
        path: str,
        streams: int = 1,
    ) -> Self:
        """Return a segmenter of a model that a runtime has read.

        Args:
            file: The model.
            spec: Its metadata.
            selection: Which runtime and device run it, and why.
            config: Thresholds, classes and input size.
            path: Of the file, for messages.
            streams: How many frames may be in work at once.
        """
        segmenter = cls.__new__(cls)
        segmenter._set_up(  # noqa: SLF001 - of its own kind
            _Network(file, streams=streams, reopen=None),
            spec=spec,
            selection=selection,
            config=config,
            path=path,
        )
        return segmenter

    def _set_up(
        self,
        network: _Network,
        *,
        spec: ModelSpec,
        selection: RuntimeSelection,
        config: SegmenterConfig,
        path: str,
    ) -> None:
        self._spec, self.selection, self._path = spec, selection, path
        self._network = network
        self.config = config

    @property
    def spec(self) -> ModelSpec:
        """The metadata of the model, with its classes."""
        return self._spec

    @property
    def streams(self) -> int:
        """How many frames may be in work at once."""
        return self._network.streams

    @property
    def config(self) -> SegmenterConfig:
        """Thresholds, classes and input size; may be replaced, also while it is at work.

        Raises:
            SettingError: It names a class or an input size that the model does not have.
        """
        return self._settings.config

    @config.setter
    def config(self, config: SegmenterConfig) -> None:
        self._settings = _Settings(  # at once, as other threads read it
            config=config,
            class_ids=config.class_ids(self._spec.classes),
            input_size=config.input_size(
                self._spec, static_size=self._network.file.static_size, where=self._path
            ),
        )

    def with_config(self, **changes: Any) -> Self:  # noqa: ANN401 - fields of `SegmenterConfig`
        """Return the segmenter with another configuration; both share the network.

        Args:
            changes: Fields of `SegmenterConfig`.

        Raises:
            SettingError: A setting is out of its range, or names no class.
        """
        other = copy.copy(self)
        other.config = replace(self.config, **changes)
        return other

    def segment(self, frame: Frame, *, mask_size: tuple[int, int] | None = None) -> Result:
        """Return the result for a frame, best score first.

        Args:
            frame: The frame.
            mask_size: Height and width of the masks, pixels, when they are for an image of
                another size, such as that of its labels; None for the size of this one.

        Raises:
            ShapeError: The frame is empty.
            ModelError: The network's output is not what its metadata promises.
        """
        settings = self._settings
        own_size = frame.size
        image_size = own_size if mask_size is None else mask_size
        if 0 in own_size or 0 in image_size:
            raise ShapeError(f"the image is empty: {own_size[0]} x {own_size[1]} pixels")
        input_size = self._input_size(image_size, settings)
        runtime = self._network.runtime(input_size)
        letterbox = Letterbox.fit(image_size, input_size)
        stopwatch = Stopwatch()
        batch = network_input(frame.pixels, letterbox)
        stopwatch.lap("preprocess")
        outputs = runtime.infer(batch)
        stopwatch.lap("infer")
        instances, semantic = self._found(outputs, letterbox, settings)
        if semantic is not None and settings.config.surfaces:
            instances = add_surfaces(instances, semantic, keep_classes=settings.class_ids)
        stopwatch.lap("postprocess")
        return Result(
            frame=frame,
            instances=instances,
            semantic=semantic,
            milliseconds=stopwatch.milliseconds,
        )

    def input_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return the network input that an image gets, height and width in pixels.

        Args:
            image_size: Height and width of the image, pixels.
        """
        return self._input_size(image_size, self._settings)

    def _input_size(self, image_size: tuple[int, int], settings: _Settings) -> tuple[int, int]:
        if isinstance(settings.input_size, tuple):
            return settings.input_size
        return rectangular_size(image_size, long_side=settings.input_size, stride=self._spec.stride)

    def _segment(self, frame: Frame) -> Result:
        return self.segment(frame)

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
        changes: dict[str, Any] = {
            "conf": conf,
            "iou": iou,
            "max_det": max_det,
            "classes": _listed(classes),
            "imgsz": imgsz,
        }
        given = {name: value for name, value in changes.items() if value is not None}
        return self.with_config(**given)

    def for_many(self) -> Self:
        """Return the segmenter compiled for the highest rate over many frames."""
        if self.streams >= MANY_STREAMS:
            return self
        other = copy.copy(self)
        other._network = self._network.for_many()  # noqa: SLF001 - of its own kind
        return other

    def for_video(self) -> tuple[Segmenter, tuple[Stage, ...]]:
        """Return the segmenter for a video, and the stages behind it that smooth over time.

        For a model that does not tell the class of each pixel it is this one, without stages.
        """
        if not self._spec.has_semantic:
            return self, ()
        finish = partial(with_surfaces, keep_classes=self._settings.class_ids)
        return self.with_config(surfaces=False), (SemanticSmoother(finish=finish),)

    def _found(
        self, outputs: Sequence[NDArray[np.float32]], letterbox: Letterbox, settings: _Settings
    ) -> tuple[Instances, SemanticMap | None]:
        """Return what the head has found, best score first, and the map of classes if there is one.

        Where there is one, it has its say about masks and scores.
        """
        min_score = settings.config.conf
        config = settings.config
        if self._spec.has_semantic:
            config = replace(config, conf=THINGS.evidence(min_score))
        detections = decode_detections(
            outputs,
            spec=self._spec,
            config=config,
            keep_classes=settings.class_ids,
            path=self._path,
        )
        coefficients, prototypes = detections.coefficients, outputs[1][0]
        scale = np.float32(prototypes.shape[2] / letterbox.input_size[1])
        semantic = maps = None
        if self._spec.has_semantic:
            semantic = SemanticMap(logits=np.ascontiguousarray(outputs[2][0]), letterbox=letterbox)
            maps = thing_maps(semantic.probabilities, self._spec.classes)
            coefficients, prototypes = voted_masks(
                coefficients, prototypes, detections.class_ids, maps
            )
        # Row by row the products stay small enough for one BLAS thread: other stages need the rest.
        logits = np.matmul(coefficients, prototypes.transpose(1, 0, 2)).transpose(1, 0, 2)
        keep = has_pixels(logits, detections.boxes * scale)
        scores = np.minimum(detections.scores, np.float32(1))
        if maps is not None:
            scores = voted_scores(scores, logits, detections.boxes * scale, maps)
            keep &= scores > min_score
        order = np.flatnonzero(keep)
        order = order[np.argsort(-scores[order], kind="stable")]
        boxes, logits = detections.boxes[order], logits[order]
        masks = masks_from_prototypes(logits, letterbox.to_image(boxes), letterbox)
        instances = Instances(
            boxes=letterbox.to_image(boxes),
            masks=masks,
            scores=scores[order],
            class_ids=detections.class_ids[order],
            classes=self._spec.classes,
        )
        visible = has_visible_pixels(masks, logits, boxes * scale, letterbox)
        return instances.select(visible), semantic


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """A configuration, and what it means for the model."""

    config: SegmenterConfig
    class_ids: tuple[int, ...] | None
    input_size: int | tuple[int, int]


class _Network:
    """A model file with its runtimes, one for each input size; the latest few are kept."""

    def __init__(
        self, file: ModelFile, *, streams: int, reopen: Callable[[int], ModelFile] | None
    ) -> None:
        self.file, self.streams = file, streams
        self._reopen = reopen
        self._many: _Network | None = None
        self._runtimes: OrderedDict[tuple[int, int], Runtime] = OrderedDict()
        self._lock = threading.Lock()

    def runtime(self, input_size: tuple[int, int]) -> Runtime:
        """Return the runtime for an input size, height and width in pixels."""
        with self._lock:
            if input_size not in self._runtimes:
                if len(self._runtimes) == _COMPILED_SIZES:
                    self._runtimes.popitem(last=False)
                self._runtimes[input_size] = self.file.compile(input_size)
            self._runtimes.move_to_end(input_size)
            return self._runtimes[input_size]

    def for_many(self) -> _Network:
        """Return the network compiled for the highest rate over many frames."""
        with self._lock:
            if self._many is None:
                self._many = self
                if self._reopen is not None:
                    file = self._reopen(MANY_STREAMS)
                    self._many = _Network(file, streams=MANY_STREAMS, reopen=self._reopen)
            return self._many


def _listed(classes: Sequence[str | int] | None) -> tuple[str | int, ...] | None:
    if isinstance(classes, str | int):  # a text is a sequence of letters, which nobody means
        return (classes,)
    return None if classes is None else tuple(classes)
