"""What options of an export mean, checked before hours go into it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from urban_segmentor.errors import ModelError, SettingError
from urban_segmentor.exporters.export_images import calibration_images, gate_frames
from urban_segmentor.exporters.model_files import check_output
from urban_segmentor.io.atomic import check_not_source
from urban_segmentor.models.hub import HUB_PREFIX
from urban_segmentor.models.registry import embedded_models, resolve_model
from urban_segmentor.structures.boxes import rectangular_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.exporters.options import ExportOptions

CHECKPOINT = ".pt"
_WIDE = (1080, 1920)


class ExportProgress(Protocol):
    """Receives the progress of an export."""

    def start(self, name: str, frames: int | None) -> None:
        """A step begins; `frames` is its length, None when unknown."""
        ...

    def advance(self) -> None:
        """One image of the step is done."""
        ...


def input_size(options: ExportOptions, usual: tuple[int, int], *, stride: int) -> tuple[int, int]:
    """Return the input size of the export, height and width, pixels.

    Args:
        options: Options of the export.
        usual: Those of the model, pixels.
        stride: Sides are multiples of it, pixels.

    Raises:
        SettingError: A side that was asked for is none.
    """
    if options.imgsz is None:
        return usual
    sides = options.imgsz if isinstance(options.imgsz, tuple) else (options.imgsz,)
    for side in sides:
        if side < stride or side % stride:
            near = max(round(side / stride), 1) * stride
            raise SettingError(
                f"`imgsz` is {side}, expected a multiple of {stride}",
                hint=f"the nearest is {near}",
            )
    return input_size_of(options.imgsz, stride=stride)


def input_size_of(imgsz: object, *, stride: int) -> tuple[int, int]:
    """Return an input size, height and width, pixels; 16:9 where only a long side is known.

    Args:
        imgsz: A long side, or height and width; 640 for anything else.
        stride: Sides are multiples of it, pixels.

    >>> input_size_of(640, stride=32)
    (384, 640)
    """
    if isinstance(imgsz, list | tuple):
        sides = [int(side) for side in cast("Sequence[Any]", imgsz)]
        if len(sides) == 2:
            return sides[0], sides[1]
    long_side = imgsz if isinstance(imgsz, int) else 640
    return rectangular_size(_WIDE, long_side=-(-long_side // stride) * stride, stride=stride)


def find_model(model: str) -> Path:
    """Return the path of a model; that of a checkpoint need not exist.

    Raises:
        ModelError: There is no such model, or it is of a kind that is not exported.
    """
    path = Path(model)
    if path.suffix == CHECKPOINT:
        return path.expanduser()
    found = resolve_model(model)
    if found.suffix != ".onnx":
        raise ModelError(
            f"`{found}` is in OpenVINO's format already",
            hint="give the checkpoint or the .onnx that it was made from",
        )
    return found


def resolve_output_path(options: ExportOptions, path: Path) -> Path:
    """Return the output path: beside the model, or the working folder for models of ours.

    Args:
        options: Options of the export.
        path: The file of the model.

    Raises:
        SettingError: The output path does not fit the format.
    """
    if options.output is not None:
        if options.format == "onnx" and options.output.suffix != ".onnx":
            raise SettingError(
                f"`{options.output}` does not end in `.onnx`", hint=f"-o {path.stem}.onnx"
            )
        return options.output
    is_ours = options.model in embedded_models() or options.model.startswith(HUB_PREFIX)
    folder = Path() if is_ours else path.parent
    if options.format == "onnx":
        return folder / f"{path.stem}.onnx"
    return folder / f"{path.stem}{'_int8' * (options.quantization is not None)}_openvino"


def check_options(options: ExportOptions, *, output_path: Path, path: Path) -> None:
    """Check options, data and output path, before the model is read.

    Args:
        options: Options of the export.
        output_path: Output file or folder.
        path: The file of the model.

    Raises:
        SettingError: They contradict one another.
        DatasetError: The data set lacks what quantizing needs.
        OutputError: The export is there already, or cannot be written.
    """
    plan = options.quantization
    if plan is not None:
        if options.format != "openvino":
            raise SettingError("INT8 is written for OpenVINO alone", hint="--format openvino")
        if options.data is None:
            raise SettingError(
                "quantizing needs pictures to calibrate on and labels to measure the loss with",
                hint="--data CITYSCAPES, a folder with gtFine and leftImg8bit",
            )
        calibration_images(options.data, plan.calibration)
        gate_frames(options.data, plan.gate_images)
    check_not_source(output_path, path)
    check_output(output_path, is_folder=options.format == "openvino", overwrite=options.overwrite)
