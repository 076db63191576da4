"""OpenVINO, the default runtime."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import openvino as ov
import openvino.opset13 as opset
import yaml
from openvino.frontend import FrontEndManager

from urban_segmentor.errors import ModelError, SettingError, last_line
from urban_segmentor.inference.runtimes.graph_rewrites import (
    fold_constants,
    fold_upsampling,
    gather_rows,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_NCHW, _NHWC = ov.Layout("NCHW"), ov.Layout("NHWC")
_MAX_YAML = 1_000_000  # bytes; its parser takes ten seconds for so much


@cache
def core() -> ov.Core:
    """Return the one `ov.Core` of this process.

    Each new one loads its CPU plugin anew, which lays a stack for signals under the thread and puts
    back the former when it goes. When two go in the order in which they came, the stack that is
    put back is gone already, and the next Ctrl-C ends in a segmentation fault (OpenVINO 2026.4).
    """
    return ov.Core()


def native_precision(device: str) -> str:
    """Return the default precision on a device: `bf16`, `f16` or `f32`.

    Args:
        device: `cpu`, `gpu`, `gpu:1`, ...

    Raises:
        SettingError: There is no such device on this machine.
    """
    name = _device_name(core(), device)
    element_type: ov.Type = core().get_property(name, "INFERENCE_PRECISION_HINT")
    return element_type.to_string()


class OpenVinoModel:
    """A model file that OpenVINO has read and can compile for any input size it allows.

    Args:
        path: `.onnx` or `.xml`.
        device: `cpu`, `gpu`, `gpu:1`, ...
        precision: `auto` for the fastest of the hardware, or `f32`.
        streams: Maximum number of concurrent inferences.

    Raises:
        ModelError: The file is damaged or no model.
        SettingError: There is no such device on this machine.
    """

    def __init__(self, path: Path, *, device: str, precision: str, streams: int) -> None:
        self._core = core()
        self._path = path
        self._device = _device_name(self._core, device)
        self._config: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY"}
        if streams > 1:
            self._config["PERFORMANCE_HINT"] = "THROUGHPUT"
            self._config["PERFORMANCE_HINT_NUM_REQUESTS"] = streams
        if precision == "f32":
            self._config["INFERENCE_PRECISION_HINT"] = "f32"
        weights = path.with_suffix(".bin")
        if path.suffix == ".xml" and not weights.is_file():
            raise ModelError(
                f"`{path}` has no weights: there is no `{weights.name}` beside it",
                hint="copy the whole folder of the export",
            )
        try:
            model = _read(path)
            _check_ports(model, path)
            self.metadata: Mapping[str, object] = _metadata(model, path)
            gather_rows(model)
            fold_upsampling(model)
            self._model = model
        except ModelError:
            raise
        except Exception as error:
            # Its exception types have no common base of their own.
            raise ModelError(
                f"`{path}` is damaged or not a model: {last_line(error)}",
                hint="fetch or export the file again",
            ) from error

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of the input when the export fixes them, pixels."""
        shape = self._model.inputs[0].partial_shape
        if shape[2].is_dynamic or shape[3].is_dynamic:
            return None
        return shape[2].get_length(), shape[3].get_length()

    def compile(self, input_size: tuple[int, int]) -> OpenVinoRuntime:
        """Return the network ready to run at one input size.

        Args:
            input_size: Height and width, pixels.

        Raises:
            ModelError: The graph does not take that size or the device cannot run it.
        """
        model = self._model.clone()
        try:
            model.reshape([1, 3, *input_size])
            fold_constants(model)
            compiled = self._core.compile_model(
                _with_uint8_input(model), self._device, self._config
            )
        except RuntimeError as error:
            raise ModelError(
                f"`{self._path}` cannot run at {input_size[0]} x {input_size[1]} on "
                f"{self._device}: {last_line(error)}",
                hint="choose another --imgsz or --device",
            ) from error
        return OpenVinoRuntime(compiled)


class OpenVinoRuntime:
    """A compiled network; `infer` may be called from several threads at once.

    Args:
        compiled: The network, with uint8 (1, H, W, 3) input.
    """

    def __init__(self, compiled: ov.CompiledModel) -> None:
        self._compiled = compiled
        self._maps = [_is_map(output) for output in compiled.outputs]
        self._idle_requests: list[ov.InferRequest] = []
        # The binding sets itself up on the first call, and two threads that make it together
        # wait for each other for ever.
        self.infer(np.zeros(tuple(compiled.input().shape), dtype=np.uint8))

    def infer(self, batch: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        """Run the network.

        Args:
            batch: uint8 (1, H, W, 3), RGB.

        Returns:
            The raw output tensors, float32, in the order of the export.
        """
        try:
            request = self._idle_requests.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        request.get_input_tensor().data[...] = batch
        request.infer()
        outputs = [
            np.array(request.get_output_tensor(i).data, dtype=np.float32)
            for i in range(len(self._maps))
        ]
        outputs = [
            output.transpose(0, 3, 1, 2) if is_map else output
            for output, is_map in zip(outputs, self._maps, strict=True)
        ]
        self._idle_requests.append(request)
        return outputs


def _device_name(core: ov.Core, device: str) -> str:
    name = device.upper().replace(":", ".")
    available = list(core.available_devices)
    if name not in available and not (name == "GPU" and "GPU.0" in available):
        raise SettingError(
            f"OpenVINO sees no device `{device}` here",
            hint=f"available: {', '.join(d.lower() for d in available)}",
        )
    return name


def _with_uint8_input(model: ov.Model) -> ov.Model:
    """Return the model with uint8 NHWC input and NHWC maps as output.

    The scale to [0, 1] goes into the weights of the first convolution where that is possible. On
    CPUs maps lie channels last, and turning the prototypes costs a tenth of the whole network.
    """
    is_scaled = _fold_scale(model)
    preprocessor = ov.preprocess.PrePostProcessor(model)
    preprocessor.input().tensor().set_element_type(ov.Type.u8).set_layout(_NHWC)
    input_steps = preprocessor.input().preprocess().convert_element_type(ov.Type.f32)
    if not is_scaled:
        input_steps.scale(255.0)
    input_steps.convert_layout(_NCHW)  # last, where it costs nothing
    preprocessor.input().model().set_layout(_NCHW)
    for i, output in enumerate(model.outputs):
        if _is_map(output):
            preprocessor.output(i).model().set_layout(_NCHW)
            preprocessor.output(i).tensor().set_layout(_NHWC)
    return preprocessor.build()


def _is_map(output: ov.Output | ov.ConstOutput) -> bool:
    return output.partial_shape.rank.get_length() == 4


def _fold_scale(model: ov.Model) -> bool:
    """Fold the division by 255 into the first convolution; return False if there is none."""
    users = [target.get_node() for target in model.input().get_target_inputs()]
    if any(user.get_type_name() != "Convolution" for user in users):
        return False
    for user in users:
        weights = user.input_value(1)
        scale = opset.constant(np.float32(1 / 255), weights.get_element_type())
        user.input(1).replace_source_output(opset.multiply(weights, scale).output(0))
    return bool(users)


def _read(path: Path) -> ov.Model:
    """Return a model read by the front end of its format; `Core` would try all of them."""
    manager: Any = FrontEndManager()  # it has no types
    reader = manager.load_by_framework("ir" if path.suffix == ".xml" else "onnx")
    return cast("ov.Model", reader.convert(reader.load(str(path))))


def _check_ports(model: ov.Model, path: Path) -> None:
    shapes = [port.partial_shape for port in model.inputs]
    is_invalid = len(shapes) != 1 or shapes[0].rank.is_dynamic or shapes[0].rank.get_length() != 4
    if is_invalid or not model.outputs:
        raise ModelError(
            f"`{path}` has inputs {[str(shape) for shape in shapes]}, expected one (B, 3, H, W)",
            hint="fetch or export the file again",
        )


def _metadata(model: ov.Model, path: Path) -> Mapping[str, object]:
    """Return the metadata of the export: in the ONNX file, or `metadata.yaml` beside an .xml."""
    rt_info: Mapping[str, object] = {}
    if model.has_rt_info(["framework"]):
        table = cast("Mapping[str, object]", model.get_rt_info(["framework"]).value)
        rt_info = {key: str(model.get_rt_info(["framework", key]).value) for key in table}
    yaml_path = path.with_name("metadata.yaml")
    if "names" in rt_info or path.suffix != ".xml" or not yaml_path.is_file():
        return rt_info
    if yaml_path.stat().st_size > _MAX_YAML:
        raise ValueError(f"`{yaml_path.name}` has more than {_MAX_YAML} bytes")
    loaded: object = yaml.safe_load(yaml_path.read_text(encoding="utf-8"))
    return cast("Mapping[str, object]", loaded) if isinstance(loaded, dict) else rt_info
