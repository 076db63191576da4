"""Selection of runtime and device for a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, get_args

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import USUAL_MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from urban_segmentor.protocols import Runtime

RuntimeName: TypeAlias = Literal["auto", "openvino", "onnx"]
Precision: TypeAlias = Literal["auto", "f32"]


class ModelFile(Protocol):
    """A model file opened by a runtime."""

    metadata: Mapping[str, object]

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of the input when the export fixes them, pixels."""
        ...

    def compile(self, input_size: tuple[int, int]) -> Runtime:
        """Return the network ready to run at one input size, height and width in pixels."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSelection:
    """A runtime, a device, and the reason for them.

    Attributes:
        runtime: `openvino` or `onnx`.
        device: `cpu`, `gpu`, `cuda:0`, ...
        reason: Reason, to be shown to the user.
    """

    runtime: Literal["openvino", "onnx"]
    device: str
    reason: str


def select_runtime(*, device: str, runtime: RuntimeName, suffix: str) -> RuntimeSelection:
    """Return what runs the model.

    Args:
        device: `auto`, `cpu`, `gpu`, `gpu:1`, `npu`, `cuda` or `cuda:0`.
        runtime: `auto`, `openvino` or `onnx`.
        suffix: `.onnx` or `.xml`; only OpenVINO reads the latter.

    Raises:
        SettingError: The options contradict one another or name no device.
    """
    device = device.lower()
    if not re.fullmatch(r"auto|cpu|npu|(gpu|cuda)([:.]\d+)?", device):
        raise SettingError(
            f"`{device}` is no device",
            hint="choose one of auto, cpu, gpu, npu, cuda or cuda:0",
        )
    if runtime not in get_args(RuntimeName):
        raise SettingError(
            f"`{runtime}` is no runtime", hint=f"choose one of {', '.join(get_args(RuntimeName))}"
        )
    device = device.replace(".", ":")
    is_cuda = device.startswith("cuda")
    if runtime == "onnx" and suffix == ".xml":
        raise SettingError("ONNX Runtime does not read .xml", hint="take the .onnx export")
    if is_cuda and (runtime == "openvino" or suffix == ".xml"):
        raise SettingError("OpenVINO does not run on CUDA", hint="take the .onnx export")
    if runtime == "onnx" and device.startswith(("gpu", "npu")):
        raise SettingError(
            f"ONNX Runtime is used for cpu and cuda here, not `{device}`",
            hint="use --runtime openvino, or --device cuda",
        )
    if is_cuda:
        return RuntimeSelection(runtime="onnx", device=device, reason="CUDA was asked for")
    if device == "auto" and runtime != "openvino" and suffix == ".onnx" and _has_cuda():
        return RuntimeSelection(runtime="onnx", device="cuda:0", reason="an NVIDIA card is there")
    if runtime != "auto":
        device_name = "cpu" if device == "auto" else device
        return RuntimeSelection(runtime=runtime, device=device_name, reason="it was asked for")
    if device != "auto":
        return RuntimeSelection(
            runtime="openvino", device=device, reason="the device was asked for"
        )
    return RuntimeSelection(
        runtime="openvino", device="cpu", reason="it is the fastest runtime measured on CPUs"
    )


def open_model_file(
    path: Path,
    selection: RuntimeSelection,
    *,
    precision: Precision = USUAL_MODEL.precision,
    streams: int = USUAL_MODEL.streams,
) -> ModelFile:
    """Return the model file opened by the selected runtime.

    Args:
        path: `.onnx` or `.xml`.
        selection: Runtime and device.
        precision: `auto` for the fastest of the hardware, or `f32`.
        streams: Maximum number of concurrent inferences.

    Raises:
        ModelError: The file is damaged or no model.
        SettingError: The device is not there.
        MissingExtraError: The runtime is not installed.
    """
    if selection.runtime == "onnx":
        from urban_segmentor.inference.runtimes.onnx import OnnxModel  # noqa: PLC0415

        return OnnxModel(path, device=selection.device)
    from urban_segmentor.inference.runtimes.openvino import OpenVinoModel  # noqa: PLC0415

    return OpenVinoModel(path, device=selection.device, precision=precision, streams=streams)


def _has_cuda() -> bool:
    from urban_segmentor.inference.runtimes.onnx import cuda_is_available  # noqa: PLC0415

    return cuda_is_available()
