"""The runtimes, and which of them runs a model on which device."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from urban_segmentor.protocols import Runtime

RuntimeKey: TypeAlias = Literal["openvino", "onnx"]
RuntimeName: TypeAlias = RuntimeKey | Literal["auto"]
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


class OpenModel(Protocol):
    """Opens a model file with one of the runtimes."""

    def __call__(self, path: Path, *, device: str, precision: Precision, streams: int) -> ModelFile:
        """Return the file, ready to be compiled; see `open_model_file`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeInfo:
    """What a runtime reads, and where it runs.

    Attributes:
        title: What its makers call it.
        suffixes: Endings of the files that it reads.
        devices: Kinds of devices that it runs on.
        open_model: Opens a file; the library is imported there.
    """

    title: str
    suffixes: tuple[str, ...]
    devices: tuple[str, ...]
    open_model: OpenModel


def _open_openvino(path: Path, *, device: str, precision: Precision, streams: int) -> ModelFile:
    from urban_segmentor.inference.runtimes.openvino import OpenVinoModel  # noqa: PLC0415

    return OpenVinoModel(path, device=device, precision=precision, streams=streams)


def _open_onnx(path: Path, *, device: str, precision: Precision, streams: int) -> ModelFile:
    from urban_segmentor.inference.runtimes.onnx import OnnxModel  # noqa: PLC0415

    del precision, streams  # it has one precision, and a session runs what threads bring
    return OnnxModel(path, device=device)


RUNTIMES: dict[RuntimeKey, RuntimeInfo] = {
    "openvino": RuntimeInfo(
        title="OpenVINO",
        suffixes=(".onnx", ".xml"),
        devices=("cpu", "gpu", "npu"),
        open_model=_open_openvino,
    ),
    "onnx": RuntimeInfo(
        title="ONNX Runtime",
        suffixes=(".onnx",),
        devices=("cpu", "cuda"),
        open_model=_open_onnx,
    ),
}
"""By name; where several fit, the first runs the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSelection:
    """A runtime, a device, and the reason for them.

    Attributes:
        runtime: Key of `RUNTIMES`.
        device: `cpu`, `gpu`, `cuda:0`, ...
        reason: Reason, to be shown to the user.
    """

    runtime: RuntimeKey
    device: str
    reason: str


USUAL_SELECTION = RuntimeSelection(
    runtime="openvino", device="cpu", reason="it is the fastest runtime measured on CPUs"
)


def select_runtime(*, device: str, runtime: RuntimeName, suffix: str) -> RuntimeSelection:
    """Return what runs the model.

    Args:
        device: `auto`, `cpu`, `gpu`, `gpu:1`, `npu`, `cuda` or `cuda:0`.
        runtime: `auto`, `openvino` or `onnx`.
        suffix: `.onnx` or `.xml`; only OpenVINO reads the latter.

    Raises:
        SettingError: The options contradict one another or name no device.
    """
    device = device.lower().replace(".", ":")
    if not re.fullmatch(r"auto|cpu|npu|(gpu|cuda)(:\d+)?", device):
        raise SettingError(
            f"`{device}` is no device",
            hint="choose one of auto, cpu, gpu, npu, cuda or cuda:0",
        )
    if runtime not in {"auto", *RUNTIMES}:
        raise SettingError(
            f"`{runtime}` is no runtime", hint=f"choose one of {', '.join(('auto', *RUNTIMES))}"
        )
    readers: dict[RuntimeKey, RuntimeInfo] = {
        key: info
        for key, info in RUNTIMES.items()
        if runtime in {"auto", key} and suffix in info.suffixes
    }
    if not readers:
        title = " and ".join(RUNTIMES[key].title for key in RUNTIMES if runtime in {"auto", key})
        raise SettingError(f"{title} does not read {suffix}", hint="take the .onnx export")
    if device == "auto":
        on_cuda = _running_on("cuda", readers)
        if on_cuda is not None and _has_cuda():
            return RuntimeSelection(
                runtime=on_cuda, device="cuda:0", reason="an NVIDIA card is there"
            )
        if runtime == "auto":
            return USUAL_SELECTION
        return RuntimeSelection(runtime=runtime, device="cpu", reason="it was asked for")
    kind = device.partition(":")[0]
    fitting = _running_on(kind, readers)
    if fitting is None:
        raise SettingError(
            f"{next(iter(readers.values())).title} does not run on {kind.upper()}",
            hint=f"take the .onnx export, and --runtime {_running_on(kind, RUNTIMES)}",
        )
    reason = "CUDA was asked for" if kind == "cuda" else "the device was asked for"
    if kind != "cuda" and runtime != "auto":
        reason = "it was asked for"
    return RuntimeSelection(runtime=fitting, device=device, reason=reason)


def _running_on(kind: str, infos: Mapping[RuntimeKey, RuntimeInfo]) -> RuntimeKey | None:
    """Return the first runtime that runs on a kind of device."""
    for key, info in infos.items():
        if kind in info.devices:
            return key
    return None


def open_model_file(
    path: Path,
    selection: RuntimeSelection = USUAL_SELECTION,
    *,
    precision: Precision,
    streams: int = 1,
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
    return RUNTIMES[selection.runtime].open_model(
        path, device=selection.device, precision=precision, streams=streams
    )


def _has_cuda() -> bool:
    from urban_segmentor.inference.runtimes.onnx import cuda_is_available  # noqa: PLC0415

    return cuda_is_available()
