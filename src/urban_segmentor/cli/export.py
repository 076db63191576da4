"""`urban-segmentor export`: a trained checkpoint as a file that the light runtime takes."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.export.export import ExportResult

_FORM, _INT8, _SAYS, _WRITE = "Form", "Eight bits", "What the file says", "Result"


def export(  # noqa: PLR0913 - one parameter an option
    model: Annotated[
        str,
        typer.Argument(
            help="Checkpoint (.pt), or a .onnx or an embedded name to convert or quantize."
        ),
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="onnx or openvino.",
            show_default="onnx, openvino with --quantize",
            rich_help_panel=_FORM,
        ),
    ] = None,
    imgsz: Annotated[
        str | None,
        typer.Option(
            help="Long side of the network input that the file names, or H,W; pixels. Others work "
            "too.",
            show_default="that of the training",
            rich_help_panel=_FORM,
        ),
    ] = None,
    half: Annotated[
        bool,
        typer.Option("--half", help="Store weights in half size.", rich_help_panel=_FORM),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Pictures to compare on: a Cityscapes folder, which --quantize needs, or one that "
            "`data prepare` made.",
            show_default="the procedural street",
            rich_help_panel=_FORM,
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Load a checkpoint that holds more than a model, which can run any code.",
            rich_help_panel=_FORM,
        ),
    ] = False,
    quantize: Annotated[
        int | None,
        typer.Option(help="8 for INT8, the last layers left in float.", rich_help_panel=_INT8),
    ] = None,
    calibration: Annotated[
        int, typer.Option(help="Pictures of train for the ranges.", rich_help_panel=_INT8)
    ] = 200,
    gate_images: Annotated[
        int,
        typer.Option(
            help="Frames of val that AP is measured on, before and after; 0 for all.",
            rich_help_panel=_INT8,
        ),
    ] = 100,
    float_head: Annotated[
        bool,
        typer.Option(
            "--float-head",
            help="Leave the whole head in float: slower, for models that lose too much.",
            rich_help_panel=_INT8,
        ),
    ] = False,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss",
            help="Write it also when AP falls by more than 1.0.",
            rich_help_panel=_INT8,
        ),
    ] = False,
    description: Annotated[
        str | None, typer.Option(help="One line.", rich_help_panel=_SAYS)
    ] = None,
    training_data: Annotated[
        str | None, typer.Option(help="What it was trained on.", rich_help_panel=_SAYS)
    ] = None,
    accuracy: Annotated[
        str | None, typer.Option(help="Figures and their frames.", rich_help_panel=_SAYS)
    ] = None,
    license_: Annotated[
        str | None,
        typer.Option("--license", help="Of the weights.", rich_help_panel=_SAYS),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The .onnx, or the folder for OpenVINO.",
            show_default="beside the model",
            rich_help_panel=_WRITE,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an export.", rich_help_panel=_WRITE)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_WRITE)
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,  # noqa: ARG001 - read by `main` before the parser
) -> None:
    """Write a model as ONNX or for OpenVINO, once it has proved to give the same answers.

    A checkpoint is a pickle: it is loaded only as far as Ultralytics itself writes it, unless you
    add --trust.

    Examples:
        urban-segmentor export best.pt --half

        urban-segmentor export best.pt --format openvino --imgsz 384,768

        urban-segmentor export best.pt --quantize 8 --data cityscapes --imgsz 768
    """
    from urban_segmentor.cli.console import frame_progress, stderr
    from urban_segmentor.cli.parsers import one_of, parse_imgsz, silence_decoders
    from urban_segmentor.export.export import export as run
    from urban_segmentor.export.metadata import ModelDescription
    from urban_segmentor.export.options import ExportOptions, QuantizationOptions

    if quantize not in {None, 8}:
        raise SettingError(f"`quantize` is {quantize}, expected 8", hint="--quantize 8")
    silence_decoders()
    usual = "onnx" if quantize is None else "openvino"
    plan = QuantizationOptions(
        calibration=calibration,
        gate_images=gate_images,
        whole_head=float_head,
        accept_loss=accept_loss,
    )
    options = ExportOptions(
        model=model,
        format=one_of("format", form or usual, ("onnx", "openvino")),
        imgsz=parse_imgsz(imgsz),
        half=half,
        quantization=None if quantize is None else plan,
        data=data,
        output=output,
        overwrite=overwrite,
        description=ModelDescription(
            description=description,
            training_data=training_data,
            accuracy=accuracy,
            license=license_,
        ),
        trust=trust,
    )
    console = stderr()
    with frame_progress(console) as bar:
        exported = run(options, progress=bar)
    if as_json:
        typer.echo(json.dumps(exported.summary(), indent=2))
    else:
        _tell(console, exported)


def _tell(console: Console, exported: ExportResult) -> None:
    """Print how the file was checked, and where it is."""
    agreement = exported.agreement
    console.print(
        f"the same {agreement.instances // 2} instances in {agreement.images} pictures "
        f"({exported.compared_on}): scores within {agreement.score_gap:.4f}, boxes within "
        f"{agreement.box_gap_px:.2f} px, masks from IoU {agreement.mask_iou:.4f}",
        soft_wrap=True,
    )
    if agreement.output_gap is not None:
        console.print(
            "it finds hardly anything there, so raw outputs were compared too: within "
            f"{agreement.output_gap:.2g} of the largest",
            soft_wrap=True,
        )
    if exported.gate is not None:
        console.print(exported.gate.describe(), soft_wrap=True)
    if exported.inference_ms is not None:
        ms = exported.inference_ms
        console.print(
            f"inference: {ms['int8']:.1f} ms in INT8, {ms['auto']:.1f} in the best float "
            f"precision ({ms['auto'] / ms['int8']:.2f} x), {ms['f32']:.1f} in float32",
            soft_wrap=True,
        )
    for path in exported.files:
        size = f"{path.stat().st_size / 1e6:.1f} MB"
        console.print(f"result: {path}  {size}", style="bold green", soft_wrap=True)
    name = shlex.quote(str(exported.model))
    console.print(f"next: urban-segmentor predict PICTURE --model {name}", soft_wrap=True)
