"""ONNX Runtime, for CPUs and NVIDIA GPUs."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from urban_segmentor.errors import MissingExtraError, ModelError, SettingError, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


class OnnxModel:
    """A model file in an ONNX Runtime session.

    Args:
        path: `.onnx`.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        ModelError: The file is damaged or no model.
        SettingError: The installed ONNX Runtime does not know the device.
        MissingExtraError: ONNX Runtime is not installed.
    """

    def __init__(self, path: Path, *, device: str) -> None:
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        providers = _providers(device)
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:
            # Its exception types are pybind classes without a common base of their own.
            raise ModelError(
                f"`{path}` is damaged or not a model: {first_line(error)}",
                hint="fetch or export the file again",
            ) from error
        self._path = path
        active_providers = self._session.get_providers()
        if device.startswith("cuda") and "CUDAExecutionProvider" not in active_providers:
            raise SettingError(
                "ONNX Runtime could not start CUDA",
                hint="check the NVIDIA driver and the CUDA libraries, or use --device cpu",
            )
        self.metadata: Mapping[str, object] = dict(
            self._session.get_modelmeta().custom_metadata_map
        )
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            shapes = [port.shape for port in inputs]
            raise ModelError(
                f"`{path}` has inputs {shapes}, expected one (B, 3, H, W)",
                hint="fetch or export the file again",
            )
        self._input = inputs[0]
        self._dtype = np.float16 if "float16" in self._input.type else np.float32

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of the input when the export fixes them, pixels."""
        height, width = cast("list[object]", self._input.shape[2:])
        if isinstance(height, int) and isinstance(width, int):
            return height, width
        return None

    def compile(self, input_size: tuple[int, int]) -> OnnxModel:  # noqa: ARG002 - the protocol has it
        """Return itself: one session runs every input size that the graph takes."""
        return self

    def infer(self, batch: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        """Run the network; may be called from several threads at once.

        Args:
            batch: uint8 (B, H, W, 3), RGB.

        Returns:
            The raw output tensors, float32, in the order of the export.

        Raises:
            ModelError: The graph does not take a picture of that size.
        """
        nchw = np.ascontiguousarray(batch.transpose(0, 3, 1, 2), dtype=self._dtype)
        nchw /= 255
        try:
            outputs: list[Any] = self._session.run(None, {self._input.name: nchw})
            return [np.asarray(output, dtype=np.float32) for output in outputs]
        except Exception as error:
            height, width = batch.shape[1:3]
            raise ModelError(
                f"`{self._path}` cannot run at {height} x {width}: {first_line(error)}",
                hint="choose another --imgsz, or export it with dynamic=True",
            ) from error


def cuda_is_available() -> bool:
    """Return whether ONNX Runtime has CUDA and there is an NVIDIA GPU."""
    try:
        return _gpu_count() > 0 and _has_cuda()  # the cheaper question first
    except MissingExtraError:
        return False


def _has_cuda() -> bool:
    return "CUDAExecutionProvider" in _onnxruntime().get_available_providers()


def _gpu_count() -> int:
    """Return the number of GPUs that the NVIDIA driver reports."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value


def _onnxruntime() -> Any:  # noqa: ANN401 - the library has no usable types
    # Newer ones tell their makers of every run, under a number that is kept on disk, unless
    # this is set before the import: https://github.com/microsoft/onnxruntime/pull/27379
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("onnxruntime", extra="onnx") from error
    return onnxruntime


def _providers(device: str) -> list[str | tuple[str, dict[str, int]]]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if not _has_cuda():
        raise SettingError(
            f"the installed ONNX Runtime has no CUDA, so `{device}` cannot be used",
            hint="pip uninstall onnxruntime; pip install onnxruntime-gpu",
        )
    number = int(device.partition(":")[2] or 0)
    return [("CUDAExecutionProvider", {"device_id": number}), "CPUExecutionProvider"]
