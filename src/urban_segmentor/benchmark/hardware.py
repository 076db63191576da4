"""In which numbers a device computes when it may choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.runtimes.openvino import core

if TYPE_CHECKING:
    import openvino as ov


def native_precision(device: str) -> str:
    """Return what OpenVINO computes in where nothing else is asked for: `bf16`, `f16` or `f32`.

    Args:
        device: `cpu`, `gpu`, `gpu:1`, ...

    Raises:
        SettingError: There is no such device on this machine.
    """
    openvino = core()
    try:
        found: ov.Type = openvino.get_property(
            device.upper().replace(":", "."), "INFERENCE_PRECISION_HINT"
        )
    except RuntimeError as error:
        raise SettingError(
            f"OpenVINO sees no device `{device}` here",
            hint=f"available: {', '.join(name.lower() for name in openvino.available_devices)}",
        ) from error
    return found.to_string()
