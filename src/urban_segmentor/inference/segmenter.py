"""A model that turns pictures into instances."""

from __future__ import annotations

import copy
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.inference.decode import (
    check_detections,
    check_outputs,
    decode_anchors,
    decode_end2end,
)
from urban_segmentor.inference.preprocess import network_input
from urban_segmentor.inference.prototypes import (
    has_pixels,
    has_visible_pixels,
    masks_from_prototypes,
)
from urban_segmentor.inference.runtimes.selection import (
    ModelFile,
    Precision,
    Runtime,
    RuntimeSelection,
    open_model_file,
    select_runtime,
)
from urban_segmentor.models.registry import DEFAULT_MODEL, resolve_model
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.structures._arrays import read_only
from urban_segmentor.structures.boxes import Letterbox, rectangular_size
from urban_segmentor.structures.frame import Image, Yuv420
from urban_segmentor.structures.instances import Instances

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.protocols import Backend

_COMPILED_SIZES = 4  # a folder of odd pictures must not fill the memory with networks


class Segmenter:
    """Finds the instances in pictures; may be called from several threads at once.

    Build one with `Segmenter.load`.

    Args:
        network: The model, read by a runtime.
        spec: What the model says about itself.
        choice: Which runtime and device run it, and why.
        settings: Thresholds, classes and input size.
        where: The file, for messages.
        streams: How many pictures may be in work at once.
    """

    def __init__(  # noqa: PLR0913
        self,
        network: ModelFile,
        *,
        spec: ModelSpec,
        choice: RuntimeSelection,
        settings: SegmenterConfig,
        where: str,
        streams: int = 1,
    ) -> None:
        self.spec = spec
        self.choice = choice
        self.settings = settings
        self.streams = streams
        self._where = where
        self._network = network
        self._classes = settings.class_ids(spec.class_names)
        self._input_size = settings.input_size(spec, static_size=network.static_size, where=where)
        self._backends: OrderedDict[tuple[int, int], Backend] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(  # noqa: PLR0913
        cls,
        model: str | Path = DEFAULT_MODEL,
        *,
        device: str = "auto",
        runtime: Runtime = "auto",
        precision: Precision = "auto",
        streams: int = 1,
        imgsz: int | tuple[int, int] | None = None,
        conf: float = 0.25,
        iou: float = 0.7,
        max_det: int = 300,
        classes: Sequence[str | int] | None = None,
    ) -> Self:
        """Return a segmenter that is ready to be called.

        Args:
            model: Name of an embedded model, a path to `.onnx` or `.xml`, or a hub address
                `hf://owner/repo/file.onnx`.
            device: `auto`, `cpu`, `gpu`, `cuda:0`, ...
            runtime: `auto`, `openvino` or `onnx`.
            precision: `auto` for the one the hardware is best at, or `f32`.
            streams: How many pictures may be in work at once; 1 gives the least latency.
            imgsz: Long side of the network input, or its height and width, pixels; None for
                what the model was exported for.
            conf: Only scores above it count, in [0, 1].
            iou: Overlap above which the weaker of two boxes of a class goes, in [0, 1].
            max_det: At most so many instances a picture.
            classes: Names or numbers of the classes wanted; None for all.

        Raises:
            ModelError: The model is not there, damaged, or of another task.
            SettingError: A setting is out of its range, or names no class or device.
            MissingExtraError: The runtime is not installed.
        """
        if isinstance(classes, str):  # a sequence of letters, which nobody means
            classes = (classes,)
        settings = SegmenterConfig(
            conf=conf,
            iou=iou,
            max_det=max_det,
            imgsz=imgsz,
            classes=None if classes is None else tuple(classes),
        )
        path = resolve_model(model)
        choice = select_runtime(device=device, runtime=runtime, suffix=path.suffix)
        network = open_model_file(path, choice, precision=precision, streams=streams)
        spec = ModelSpec.from_metadata(network.metadata, where=str(path))
        return cls(
            network,
            spec=spec,
            choice=choice,
            settings=settings,
            where=str(path),
            streams=streams,
        )

    def __call__(
        self,
        pixels: Image | Yuv420,
        *,
        size: tuple[int, int] | None = None,
        on_stage: Callable[[str, float], None] | None = None,
    ) -> Instances:
        """Return the instances in a picture, best score first.

        Args:
            pixels: uint8 (H, W, 3), RGB, or the planes of a video frame.
            size: Height and width of the masks, pixels, when they are for a picture of another
                size, such as that of its labels; None for the size of this one.
            on_stage: Called with the name of each stage and what it took, seconds.

        Raises:
            ShapeError: The picture is no uint8 (H, W, 3) array, or empty.
            ModelError: The network's output is not what its metadata promises.
        """
        clock = _Laps(on_stage)
        if not isinstance(pixels, Yuv420):
            pixels = read_only("image", pixels, "uint8", "* * 3")
        own_size = (pixels.y if isinstance(pixels, Yuv420) else pixels).shape[:2]
        image_size = own_size if size is None else size
        if 0 in own_size or 0 in image_size:
            raise ShapeError(f"the picture is empty: {own_size[0]} x {own_size[1]} pixels")
        input_size = self.input_size(image_size)
        backend = self._backend(input_size)
        letterbox = Letterbox.fit(image_size, input_size)
        clock.start()
        batch = network_input(pixels, letterbox)
        clock.lap("preprocess")
        outputs = backend.infer(batch)
        clock.lap("infer")
        found = self._instances(outputs, letterbox)
        clock.lap("postprocess")
        return found

    def with_conf(self, conf: float) -> Self:
        """Return the segmenter with another lowest score; both share the network.

        Args:
            conf: Only scores above it count, in [0, 1].

        Raises:
            SettingError: It is out of its range.
        """
        other = copy.copy(self)
        other.settings = replace(self.settings, conf=conf)
        return other

    def with_settings(
        self, *, conf: float, iou: float, classes: Sequence[str | int] | None
    ) -> Self:
        """Return the segmenter with other thresholds and classes; both share the network.

        Args:
            conf: Only scores above it count, in [0, 1].
            iou: Overlap above which the weaker of two boxes of a class goes, in [0, 1].
            classes: Names or numbers of the classes wanted; None for all.

        Raises:
            SettingError: A setting is out of its range, or names no class.
        """
        other = self.with_conf(conf)
        wanted = None if classes is None else tuple(classes)
        other.settings = replace(other.settings, iou=iou, classes=wanted)
        other._classes = other.settings.class_ids(self.spec.class_names)  # noqa: SLF001 - a copy
        return other

    def input_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return the network input that a picture gets, height and width in pixels.

        Args:
            image_size: Height and width of the picture, pixels.
        """
        if isinstance(self._input_size, tuple):
            return self._input_size
        return rectangular_size(image_size, long_side=self._input_size, stride=self.spec.stride)

    def _backend(self, input_size: tuple[int, int]) -> Backend:
        with self._lock:
            if input_size not in self._backends:
                if len(self._backends) == _COMPILED_SIZES:
                    self._backends.popitem(last=False)
                self._backends[input_size] = self._network.backend(input_size)
            self._backends.move_to_end(input_size)
            return self._backends[input_size]

    def _instances(self, outputs: Sequence[NDArray[np.float32]], letterbox: Letterbox) -> Instances:
        classes, final = len(self.spec.class_names), self.spec.ends_in_nms
        check_outputs(outputs, classes=classes, ends_in_nms=final, where=self._where)
        head, prototypes = outputs[0][0], outputs[1][0]
        conf, iou, max_det = self.settings.conf, self.settings.iou, self.settings.max_det
        if final:
            found = decode_end2end(head, conf=conf, max_det=max_det, keep_classes=self._classes)
        else:
            found = decode_anchors(
                head,
                classes=classes,
                conf=conf,
                iou=iou,
                max_det=max_det,
                keep_classes=self._classes,
            )
        check_detections(found, classes=classes, where=self._where)
        # Row by row the products stay small enough for one BLAS thread: other stages need the rest.
        rows = np.matmul(found.coefficients, prototypes.transpose(1, 0, 2))
        logits = rows.transpose(1, 0, 2)
        scale = np.float32(prototypes.shape[2] / letterbox.input_size[1])
        keep = has_pixels(logits, found.boxes * scale)
        logits, boxes = logits[keep], letterbox.to_image(found.boxes[keep])
        masks = masks_from_prototypes(logits, boxes, letterbox)
        instances = Instances(
            boxes=boxes,
            masks=masks,
            scores=np.minimum(found.scores[keep], np.float32(1)),
            class_ids=found.class_ids[keep],
        )
        return instances.select(
            has_visible_pixels(masks, logits, found.boxes[keep] * scale, letterbox)
        )


class _Laps:
    """Reports how long each stage took."""

    def __init__(self, on_stage: Callable[[str, float], None] | None) -> None:
        self._on_stage = on_stage
        self._since = 0.0

    def start(self) -> None:
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        if self._on_stage is not None:
            self._on_stage(stage, now - self._since)
        self._since = now
