"""In which numbers a device computes when it may choose."""

from __future__ import annotations

import openvino as ov

from urban_segmentor.errors import SettingError


def native_precision(device: str) -> str:
    """Return what OpenVINO computes in where nothing else is asked for: `bf16`, `f16` or `f32`.

    Args:
        device: `cpu`, `gpu`, `gpu:1`, ...

    Raises:
        SettingError: There is no such device on this machine.
    """
    core = ov.Core()
    try:
        found: ov.Type = core.get_property(
            device.upper().replace(":", "."), "INFERENCE_PRECISION_HINT"
        )
    except RuntimeError as error:
        raise SettingError(
            f"OpenVINO sees no device `{device}` here",
            hint=f"available: {', '.join(name.lower() for name in core.available_devices)}",
        ) from error
    return found.to_string()
