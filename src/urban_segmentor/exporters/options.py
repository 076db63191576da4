"""Options of an export."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - the command line reads types of fields
from typing import Literal, TypeAlias

from urban_segmentor.options import argument, check_choices, option, parse_imgsz

Format: TypeAlias = Literal["onnx", "openvino"]

_FORM, _INT8, _WRITE, _SAYS = "Form", "Eight bits", "Result", "What the file says"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationOptions:
    """Options of INT8 quantization and its accuracy gate.

    Attributes:
        calibration: Number of calibration images, from the split `train`.
        gate_images: Number of frames of the split `val` that accuracy is measured on; 0 for all.
        whole_head: True to leave all of the head in float, not its last layers alone.
        accept_loss: True to write the file whatever the loss of accuracy.
    """

    calibration: int = option(200, help="Pictures of train for the ranges.", panel=_INT8)
    gate_images: int = option(
        100,
        help="Frames of val that accuracy is measured on, before and after; 0 for all.",
        panel=_INT8,
    )
    whole_head: bool = option(
        default=False,
        help="Leave the whole head in float: slower, for models that lose too much.",
        panel=_INT8,
        flags=("--float-head",),
    )
    accept_loss: bool = option(
        default=False, help="Write it also when a figure falls by more than 1.0.", panel=_INT8
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """The user's description of a model; None for what the checkpoint or file says.

    Attributes:
        description: One line about the model.
        training_data: Data set and length of the training.
        accuracy: Measured accuracy, and the frames it was measured on.
        license: License of the weights.
    """

    description: str | None = option(None, help="One line about the model.", panel=_SAYS)
    training_data: str | None = option(None, help="What it was trained on.", panel=_SAYS)
    accuracy: str | None = option(None, help="Figures and their frames.", panel=_SAYS)
    license: str | None = option(None, help="License of the weights.", panel=_SAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """Options of an export.

    Attributes:
        model: A `.pt`, a `.onnx`, the name of an embedded model, or a hub address.
        format: `onnx` or `openvino`.
        imgsz: Long side, or height and width, that the file names, pixels; None for those of the
            training.
        half: True to store weights in half size.
        data: Source of the images: a Cityscapes folder, or one that `data prepare` made; None
            for the procedural street.
        trust: True to load a checkpoint that holds more than a model.
        output: The file, or the folder for OpenVINO; None for a file beside the model.
        overwrite: True when an export that is there may be replaced.
        quantization: Options of INT8 quantization, or None for float.
        description: The user's description of the model.

    Raises:
        SettingError: There is no such format.
    """

    model: str = argument(
        help="Checkpoint (.pt), or a .onnx or an embedded name to convert or quantize."
    )
    format: Format = option(
        "onnx",
        help="onnx or openvino.",
        panel=_FORM,
        flags=("--format",),
        choices=("onnx", "openvino"),
    )
    imgsz: int | tuple[int, int] | None = option(
        None,
        help="Long side of the network input that the file names, or H,W; pixels. Others work too.",
        panel=_FORM,
        shown="that of the training",
        parse=parse_imgsz,
    )
    half: bool = option(default=False, help="Store weights in half size.", panel=_FORM)
    data: Path | None = option(
        None,
        help="Pictures to compare on: a Cityscapes folder, which --quantize needs, or one that "
        "`data prepare` made.",
        panel=_FORM,
        shown="the procedural street",
    )
    trust: bool = option(
        default=False,
        help="Load a checkpoint that holds more than a model, which can run any code.",
        panel=_FORM,
    )
    output: Path | None = option(
        None,
        help="The .onnx, or the folder for OpenVINO.",
        panel=_WRITE,
        flags=("-o", "--output"),
        shown="beside the model",
    )
    overwrite: bool = option(default=False, help="Replace an export.", panel=_WRITE)
    quantization: QuantizationOptions | None = None
    description: ModelDescription = field(default_factory=ModelDescription)

    def __post_init__(self) -> None:
        """Check the format."""
        check_choices(self, ("format",))
