"""INT8 export: quantize a float model, measure its AP, and refuse it below the gate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.datasets.images import read_image
from urban_segmentor.exporters.accuracy_gate import AccuracyGate, measure_ap
from urban_segmentor.exporters.images import (
    NetworkInputs,
    calibration_images,
    gate_frames,
)
from urban_segmentor.exporters.inference_speed import inference_ms
from urban_segmentor.exporters.model_files import read_model, save_openvino
from urban_segmentor.exporters.quantize import quantize
from urban_segmentor.inference.runtimes.selection import open_model_file
from urban_segmentor.models.spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urban_segmentor.exporters.export_plan import ExportProgress
    from urban_segmentor.exporters.options import ExportOptions, QuantizationOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Export:
    """A quantized model and its measured accuracy and speed.

    Attributes:
        path: The `.xml`.
        metadata: The model's metadata.
        gate: AP before and after quantization.
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
        ModelError: It loses too much AP, or cannot be quantized.
        DatasetError: The data set lacks images or ground truth.
        MissingExtraError: A library is not installed.
    """
    if options.data is None:
        raise ValueError("there is no data to quantize with")  # checked by `check_options`
    spec = ModelSpec.from_metadata(metadata, path=options.model)
    frames, of_frames = gate_frames(options.data, plan.gate_images)
    imgsz = max(spec.imgsz)
    progress.start("measuring in float", len(frames))
    ap_float = measure_ap(
        model_path, frames, imgsz=imgsz, precision="f32", on_frame=progress.advance
    )
    progress.start("quantizing", None)
    inputs = NetworkInputs(
        calibration_images(options.data, plan.calibration),
        imgsz=imgsz,
        stride=spec.stride,
        static_size=open_model_file(model_path).static_size,
        on_image=progress.advance,
    )
    model = quantize(read_model(model_path), inputs, count=len(inputs), whole_head=plan.whole_head)
    first = save_openvino(
        model, folder / "first", stem=model_path.stem, half=options.half, metadata=metadata
    )
    progress.start("measuring in INT8", len(frames))
    gate = AccuracyGate(
        ap_float=ap_float,
        ap_int8=measure_ap(first, frames, imgsz=imgsz, precision="auto", on_frame=progress.advance),
        frames=len(frames),
        of_frames=of_frames,
        dataset=f"{options.data.resolve().name}/val",
        imgsz=imgsz,
    )
    if not plan.accept_loss:
        gate.check()
    size = inputs.input_size(_first_image_size(inputs))
    times = inference_ms(
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
        "ap_float": round(gate.ap_float, 2),
        "ap_int8": round(gate.ap_int8, 2),
        "ap_frames": f"{gate.frames} of {gate.of_frames} frames of {gate.dataset}",
        "ap_imgsz": gate.imgsz,
        "calibration_images": calibration,
    }


def _first_image_size(inputs: NetworkInputs) -> tuple[int, int]:
    """Return height and width of the first image, pixels."""
    image = read_image(inputs.images[0])
    return image.shape[0], image.shape[1]
