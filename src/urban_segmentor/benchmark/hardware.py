"""The precision in which a device computes by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.runtimes.openvino import core

if TYPE_CHECKING:
    import openvino as ov


def native_precision(device: str) -> str:
    """Return the default precision of OpenVINO on a device: `bf16`, `f16` or `f32`.

    Args:
        device: `cpu`, `gpu`, `gpu:1`, ...

    Raises:
        SettingError: There is no such device on this machine.
    """
    openvino = core()
    try:
        element_type: ov.Type = openvino.get_property(
            device.upper().replace(":", "."), "INFERENCE_PRECISION_HINT"
        )
    except RuntimeError as error:
        raise SettingError(
            f"OpenVINO sees no device `{device}` here",
            hint=f"available: {', '.join(name.lower() for name in openvino.available_devices)}",
        ) from error
    return element_type.to_string()
