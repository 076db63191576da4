"""INT8 export: quantize a float model, measure its accuracy, and refuse it below the gate."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.datasets.sample_images import read_sample_image
from urban_segmentor.errors import DatasetError, ModelError
from urban_segmentor.evaluation.validation.predictors import ModelPredictor
from urban_segmentor.evaluation.validation.validate import validate
from urban_segmentor.exporters.export_images import (
    NetworkInputs,
    calibration_images,
    gate_frames,
)
from urban_segmentor.exporters.model_files import read_model, save_openvino
from urban_segmentor.exporters.quantize import quantize
from urban_segmentor.inference.config import AP_CONF
from urban_segmentor.inference.runtimes.selection import open_model_file
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.profiling import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.exporters.export_plan import ExportProgress
    from urban_segmentor.exporters.options import ExportOptions, QuantizationOptions
    from urban_segmentor.inference.runtimes.selection import Precision


MAX_LOSS = 1.0
"""Maximum loss of each figure, points of 100."""

_WARM_UP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyGate:
    """Official figures before and after quantization.

    Attributes:
        in_float: In float32, points of 100, by name: `AP` of instances, and of models with a
            semantic branch `PQ` and `mIoU`.
        in_int8: The same in INT8.
        frames: Frames that were measured on.
        of_frames: Frames of the split in all.
        dataset: Name of the data set and split.
        imgsz: Long side of the network's input, pixels.
    """

    in_float: Mapping[str, float]
    in_int8: Mapping[str, float]
    frames: int
    of_frames: int
    dataset: str
    imgsz: int

    @property
    def losses(self) -> dict[str, float]:
        """Loss of each figure, points of 100; negative when it improved."""
        return {name: value - self.in_int8[name] for name, value in self.in_float.items()}

    def describe(self) -> str:
        """Return all figures as one line of text."""
        int8, float32 = (
            ", ".join(f"{name} {value:.1f}" for name, value in figures.items())
            for figures in (self.in_int8, self.in_float)
        )
        float32 = float32 if len(self.in_float) > 1 else float32.removeprefix("AP ")
        return (
            f"{int8} in INT8, {float32} in float32 ({self.frames} of "
            f"{self.of_frames} frames of {self.dataset}, input {self.imgsz} px)"
        )

    def metadata(self) -> dict[str, object]:
        """Return all figures and what they were measured on, as metadata of the model."""
        figures: dict[str, object] = {
            f"{name.lower()}_{form}": round(value, 2)
            for name in self.in_float
            for form, value in (("float", self.in_float[name]), ("int8", self.in_int8[name]))
        }
        return figures | {
            "ap_frames": f"{self.frames} of {self.of_frames} frames of {self.dataset}",
            "ap_imgsz": self.imgsz,
        }

    def check(self) -> None:
        """Check that no figure falls by more than `MAX_LOSS`.

        Raises:
            ModelError: One does, or the float model is too weak to measure a loss at all.
        """
        if max(self.in_float.values()) <= MAX_LOSS:
            found = ", ".join(f"{name} {value:.1f}" for name, value in self.in_float.items())
            raise ModelError(
                f"the model has {found} before it is quantized, too little to see whether "
                f"{MAX_LOSS} is lost",
                hint="train it longer, or add --accept-loss",
            )
        name, loss = max(self.losses.items(), key=lambda one: one[1])
        if loss > MAX_LOSS:
            raise ModelError(
                f"quantizing costs {loss:.1f} points of {name}, more than {MAX_LOSS}, so "
                f"nothing is written: {self.describe()}",
                hint="try --float-head, stay with float, or add --accept-loss",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Export:
    """A quantized model and its measured accuracy and speed.

    Attributes:
        path: The `.xml`.
        metadata: The model's metadata.
        gate: Figures before and after quantization.
        inference_ms: Median time of an inference, milliseconds: `f32`, `auto` and `int8`.
    """

    path: Path
    metadata: dict[str, object]
    gate: AccuracyGate
    inference_ms: dict[str, float]


def export_int8(  # noqa: PLR0913
    model_path: Path,
    folder: Path,
    *,
    options: ExportOptions,
    plan: QuantizationOptions,
    metadata: Mapping[str, object],
    progress: ExportProgress,
) -> Int8Export:
    """Return a model quantized to INT8 that has passed the accuracy gate.

    Args:
        model_path: The float model, `.xml`.
        folder: Output folder.
        options: Options of the export; its data has calibration images and ground truth.
        plan: Options of quantization and gate.
        metadata: Metadata of the float model.
        progress: Called with the progress of each step.

    Raises:
        ModelError: It loses too much accuracy, or cannot be quantized.
        DatasetError: The data set lacks images or ground truth.
        MissingExtraError: A library is not installed.
    """
    if options.data is None:
        raise ValueError("there is no data to quantize with")  # checked by `check_options`
    spec = ModelSpec.from_metadata(metadata, path=options.model)
    frames, of_frames = gate_frames(options.data, plan.gate_images)
    imgsz = max(spec.imgsz)
    progress.start("measuring in float", len(frames))
    in_float = measure_accuracy(
        model_path, frames, imgsz=imgsz, precision="f32", on_frame=progress.advance
    )
    progress.start("quantizing", None)
    inputs = NetworkInputs(
        calibration_images(options.data, plan.calibration),
        imgsz=imgsz,
        stride=spec.stride,
        static_size=open_model_file(model_path, precision="auto").static_size,
        on_image=progress.advance,
    )
    model = quantize(read_model(model_path), inputs, count=len(inputs), whole_head=plan.whole_head)
    first = save_openvino(
        model, folder / "first", stem=model_path.stem, half=options.half, metadata=metadata
    )
    progress.start("measuring in INT8", len(frames))
    gate = AccuracyGate(
        in_float=in_float,
        in_int8=measure_accuracy(
            first, frames, imgsz=imgsz, precision="auto", on_frame=progress.advance
        ),
        frames=len(frames),
        of_frames=of_frames,
        dataset=f"{options.data.resolve().name}/val",
        imgsz=imgsz,
    )
    if not plan.accept_loss:
        gate.check()
    size = inputs.input_size(_first_image_size(inputs))
    times = _inference_ms(
        {"f32": (model_path, "f32"), "auto": (model_path, "auto"), "int8": (first, "auto")},
        input_size=size,
    )
    int8_metadata = dict(metadata) | _int8_metadata(
        gate, options=options, plan=plan, calibration=len(inputs)
    )
    final = save_openvino(
        model, folder / "final", stem=model_path.stem, half=options.half, metadata=int8_metadata
    )
    return Int8Export(path=final, metadata=int8_metadata, gate=gate, inference_ms=times)


def _int8_metadata(
    gate: AccuracyGate, *, options: ExportOptions, plan: QuantizationOptions, calibration: int
) -> dict[str, object]:
    accuracy = options.description.accuracy
    return {
        "quantized_from": Path(options.model).name,
        "precision": f"int8, {'head' if plan.whole_head else 'end of the head'} in float",
        "accuracy": gate.describe() if accuracy is None else accuracy,
        **gate.metadata(),
        "calibration_images": calibration,
    }


def _first_image_size(inputs: NetworkInputs) -> tuple[int, int]:
    """Return height and width of the first image, pixels."""
    image = read_sample_image(inputs.images[0])
    return image.shape[0], image.shape[1]


def measure_accuracy(
    model: Path,
    frames: Sequence[CityscapesFrame],
    *,
    imgsz: int,
    precision: Precision,
    on_frame: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Return the official instance AP, and with a semantic branch PQ and mIoU, points of 100.

    Args:
        model: `.onnx` or `.xml`.
        frames: Frames with ground truth.
        imgsz: Long side of the network's input, pixels.
        precision: `auto` or `f32`.
        on_frame: Called after each frame.

    Raises:
        DatasetError: A frame cannot be scored, or none has an object.
        MissingExtraError: faster-coco-eval is not installed.
    """
    segmenter = Segmenter(
        model,
        device="cpu",
        precision=precision,
        imgsz=imgsz,
        conf=AP_CONF,
        streams=os.cpu_count() or 1,
    )
    outcome = validate(frames, ModelPredictor(segmenter), on_frame=on_frame)
    if outcome.problems:
        raise DatasetError(outcome.problems[0], hint="urban-segmentor data check DIR")
    found = outcome.evaluation
    figures = {"AP": math.nan if found.instance is None else found.instance.ap}
    if segmenter.spec.has_semantic:
        figures["PQ"] = math.nan if found.panoptic is None else found.panoptic.pq
        figures["mIoU"] = math.nan if found.semantic is None else found.semantic.miou
    if any(math.isnan(figure) for figure in figures.values()):
        raise DatasetError(
            f"none of {len(frames)} frames has an object of any class that counts",
            hint="measure on more frames with --gate-images 0",
        )
    return {name: 100 * figure for name, figure in figures.items()}


def _inference_ms(
    forms: Mapping[str, tuple[Path, Precision]], *, input_size: tuple[int, int], rounds: int = 30
) -> dict[str, float]:
    """Return the median inference time of each export, milliseconds, by name.

    All take turns, so that whatever else the machine does hits them alike.

    Args:
        forms: File and precision by name.
        input_size: Height and width of the input, pixels.
        rounds: Inferences of each.
    """
    backends = {
        name: open_model_file(path, precision=precision).compile(input_size)
        for name, (path, precision) in forms.items()
    }
    noise = np.random.default_rng(0).integers(0, 256, (1, *input_size, 3), dtype=np.uint8)
    times = StageTimes()
    for _ in range(_WARM_UP + rounds):
        for name, backend in backends.items():
            with times.measure(name):
                backend.infer(noise)
    return times.latest(rounds)
