"""A model exported in one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError
from urban_segmentor.exporters.export import export as run_export
from urban_segmentor.exporters.options import ExportOptions, QuantizationOptions

if TYPE_CHECKING:
    from urban_segmentor.exporters.export import ExportResult
    from urban_segmentor.exporters.options import Format

_DEFAULTS = QuantizationOptions()


def export(  # noqa: PLR0913 - each has its name
    model: str | Path,
    output_format: Format | None = None,
    *,
    output: str | Path | None = None,
    imgsz: int | tuple[int, int] | None = None,
    half: bool = False,
    int8: bool = False,
    calibration: str | Path | None = None,
    calibration_images: int = _DEFAULTS.calibration,
    trust: bool = False,
    overwrite: bool = False,
) -> ExportResult:
    """Return the export of a model, after it was verified against the model.

    Args:
        model: A checkpoint `.pt`, an `.onnx`, or the name of an embedded model.
        output_format: `onnx` or `openvino`; None for OpenVINO with `int8`, else ONNX.
        output: The file, or the folder for OpenVINO; None for a file beside the model.
        imgsz: Long side, or height and width, that the file names, pixels.
        half: True to store weights in half size.
        int8: True to quantize to eight bits, on images of `calibration`.
        calibration: A Cityscapes folder, or one that `data prepare` made.
        calibration_images: Number of its train images that are used.
        trust: True to load a checkpoint that holds more than a model, and may run code.
        overwrite: True when an export that is there may be replaced.

    Raises:
        ModelError: The model cannot be read, or the export differs from it.
        SettingError: The options contradict one another.
        OutputError: The file is there already, or cannot be written.
        MissingExtraError: A library of the extra `train` is not installed.
    """
    if int8 and calibration is None:
        raise SettingError(
            "`int8` needs images to calibrate on", hint="calibration='/data/cityscapes'"
        )
    chosen: Format = output_format or ("openvino" if int8 else "onnx")
    options = ExportOptions(
        model=str(model),
        format=chosen,
        imgsz=imgsz,
        half=half,
        data=None if calibration is None else Path(calibration),
        trust=trust,
        output=None if output is None else Path(output),
        overwrite=overwrite,
        quantization=QuantizationOptions(calibration=calibration_images) if int8 else None,
    )
    return run_export(options)
