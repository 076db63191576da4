"""`urban-segmentor info`: what to paste into a bug report."""

from __future__ import annotations

import json
import os
import platform
from typing import Annotated

import typer

from urban_segmentor.cli.option_records import ConsoleOptions, with_options, without
from urban_segmentor.versions import versions

_LIBRARIES = ("av", "numpy", "openvino", "onnxruntime", "onnxruntime-gpu", "ultralytics", "torch")
_OPENCV_WHEELS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


@with_options
def info(console: Annotated[ConsoleOptions, without("verbose")]) -> None:
    """Show versions, processor, devices and models, for bug reports."""
    facts = collect()
    if console.as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        for key, value in facts.items():
            shown = ", ".join(value) if isinstance(value, list) else value
            typer.echo(f"{key.replace('_', ' '):<16} {shown}")
    wheels = opencv_wheels()
    if len(wheels) > 1:
        typer.secho(
            f"warning: {' and '.join(wheels)} are both installed, and own the same folder `cv2`",
            fg="yellow",
            err=True,
        )
        typer.secho(
            f"hint: pip uninstall -y {' '.join(wheels)} && pip install opencv-python-headless",
            err=True,
        )


def collect() -> dict[str, str | list[str]]:
    """Return versions, processor, devices and models."""
    import cv2

    from urban_segmentor.inference.runtimes.openvino import core
    from urban_segmentor.models.registry import embedded_models

    openvino = core()
    devices = [
        f"{name} ({openvino.get_property(name, 'FULL_DEVICE_NAME')})"
        for name in openvino.available_devices
    ]
    installed = versions((*_LIBRARIES, *_OPENCV_WHEELS))
    return {
        "urban_segmentor": installed.pop("urban-segmentor"),
        "python": installed.pop("python"),
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "cpu_features": cv2.getCPUFeaturesLine(),
        "cpu_precisions": list(openvino.get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
        "openvino_sees": devices,
        "libraries": [f"{name} {version}" for name, version in installed.items()],
        "models": list(embedded_models()),
    }


def opencv_wheels() -> list[str]:
    """Return the OpenCV wheels that are installed; more than one is a conflict."""
    installed = versions(_OPENCV_WHEELS)
    return [name for name in _OPENCV_WHEELS if name in installed]
