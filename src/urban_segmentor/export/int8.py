"""A float export made into INT8, measured, and refused when it lost too much."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.datasets.images import read_image
from urban_segmentor.export.accuracy_gate import AccuracyGate, measure_ap
from urban_segmentor.export.export_images import (
    NetworkInputs,
    calibration_images,
    gate_samples,
)
from urban_segmentor.export.formats import read_model, save_openvino
from urban_segmentor.export.inference_speed import inference_ms
from urban_segmentor.export.quantize import quantize
from urban_segmentor.inference.runtimes.selection import open_model_file, select_runtime
from urban_segmentor.models.spec import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urban_segmentor.export.export_options import (
        ExportOptions,
        ExportProgress,
        QuantizationOptions,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Export:
    """What came out.

    Attributes:
        form: The `.xml`.
        metadata: What it says about itself.
        gate: What it cost in accuracy.
        inference_ms: Median time of an inference, milliseconds: `f32`, `auto` and `int8`.
    """

    form: Path
    metadata: dict[str, object]
    gate: AccuracyGate
    inference_ms: dict[str, float]


def in_int8(  # noqa: PLR0913
    form: Path,
    folder: Path,
    *,
    wishes: ExportOptions,
    plan: QuantizationOptions,
    metadata: Mapping[str, object],
    tell: ExportProgress,
) -> Int8Export:
    """Return a model in INT8 that has passed the gate.

    Args:
        form: The model in float, `.xml`.
        folder: Where it is written.
        wishes: Name the data and the size of weights.
        plan: How it is calibrated and judged.
        metadata: What the model in float says about itself.
        tell: Hears how far it is.

    Raises:
        ModelError: It lost too much, or cannot be quantized.
        DatasetError: The data set lacks what is needed.
        MissingExtraError: A library is not installed.
    """
    if wishes.data is None:
        raise ValueError("there is no data to quantize with")  # `check_wishes` sees to it
    spec = ModelSpec.from_metadata(metadata, where=wishes.model)
    samples, of_frames = gate_samples(wishes.data, plan.gate_images)
    imgsz = max(spec.imgsz)
    tell.start("measuring in float", len(samples))
    ap_float = measure_ap(form, samples, imgsz=imgsz, precision="f32", on_frame=tell.advance)
    tell.start("quantizing", None)
    inputs = NetworkInputs(
        calibration_images(wishes.data, plan.calibration),
        imgsz=imgsz,
        stride=spec.stride,
        static_size=_static_size(form),
        on_image=tell.advance,
    )
    model = quantize(read_model(form), inputs, count=len(inputs), whole_head=plan.whole_head)
    first = save_openvino(
        model, folder / "first", stem=form.stem, half=wishes.half, metadata=metadata
    )
    tell.start("measuring in INT8", len(samples))
    gate = AccuracyGate(
        ap_float=ap_float,
        ap_int8=measure_ap(first, samples, imgsz=imgsz, precision="auto", on_frame=tell.advance),
        frames=len(samples),
        of_frames=of_frames,
        where=f"{wishes.data.resolve().name}/val",
        imgsz=imgsz,
    )
    if not plan.accept_loss:
        gate.check()
    size = inputs.input_size(_size_of(inputs))
    times = inference_ms(
        {"f32": (form, "f32"), "auto": (form, "auto"), "int8": (first, "auto")}, input_size=size
    )
    said = dict(metadata) | _said(gate, wishes=wishes, plan=plan, calibration=len(inputs))
    final = save_openvino(model, folder / "final", stem=form.stem, half=wishes.half, metadata=said)
    return Int8Export(form=final, metadata=said, gate=gate, inference_ms=times)


def _said(
    gate: AccuracyGate, *, wishes: ExportOptions, plan: QuantizationOptions, calibration: int
) -> dict[str, object]:
    """Return what a quantized model says besides what it said in float."""
    told = wishes.about.accuracy
    return {
        "quantized_from": Path(wishes.model).name,
        "precision": f"int8, {'head' if plan.whole_head else 'end of the head'} in float",
        "accuracy": gate.sentence() if told is None else told,
        "ap_float": round(gate.ap_float, 2),
        "ap_int8": round(gate.ap_int8, 2),
        "ap_frames": f"{gate.frames} of {gate.of_frames} frames of {gate.where}",
        "ap_imgsz": gate.imgsz,
        "calibration_images": calibration,
    }


def _static_size(form: Path) -> tuple[int, int] | None:
    choice = select_runtime(device="cpu", runtime="openvino", suffix=form.suffix)
    return open_model_file(form, choice).static_size


def _size_of(inputs: NetworkInputs) -> tuple[int, int]:
    """Return the height and width of the first picture, pixels."""
    image = read_image(inputs.images[0])
    return image.shape[0], image.shape[1]
