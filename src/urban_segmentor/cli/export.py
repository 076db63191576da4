"""`urban-segmentor export`: a trained checkpoint as a file that the light runtime takes."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.cli.option_records import ConsoleOptions, with_options, without
from urban_segmentor.errors import SettingError
from urban_segmentor.exporters.options import (
    ExportOptions,
    Format,
    ModelDescription,
    QuantizationOptions,
)
from urban_segmentor.options import default_of, like, option

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.exporters.export import ExportResult

_INT8_FORMAT = "openvino"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormOptions:
    """In which form a model is written.

    Attributes:
        format: `onnx` or `openvino`; None for the usual one.
        quantize: 8 for INT8; None for floats.

    Raises:
        SettingError: Another number of bits is asked for.
    """

    format: Format | None = like(
        ExportOptions,
        "format",
        default=None,
        shown=f"{default_of(ExportOptions, 'format')}, {_INT8_FORMAT} with --quantize",
    )
    quantize: int | None = option(
        None, help="8 for INT8, the last layers left in float.", panel="Eight bits"
    )

    def __post_init__(self) -> None:
        """Check the number of bits."""
        if self.quantize not in {None, 8}:
            raise SettingError(f"`quantize` is {self.quantize}, expected 8", hint="--quantize 8")


@with_options
def export(
    options: Annotated[ExportOptions, without("format")],
    form: FormOptions,
    plan: QuantizationOptions,
    about: ModelDescription,
    console: ConsoleOptions,
) -> None:
    """Write a model as ONNX or for OpenVINO, once it has proved to give the same answers.

    A checkpoint is a pickle: it is loaded only as far as Ultralytics itself writes it, unless you
    add --trust.

    Examples:
        urban-segmentor export best.pt --half

        urban-segmentor export best.pt --format openvino --imgsz 384,768

        urban-segmentor export best.pt --quantize 8 --data cityscapes --imgsz 768
    """
    from urban_segmentor.cli.console import frame_progress, silence_decoders, stderr
    from urban_segmentor.exporters.export import export as run

    silence_decoders()
    usual = options.format if form.quantize is None else _INT8_FORMAT
    options = replace(
        options,
        format=form.format or usual,
        quantization=None if form.quantize is None else plan,
        description=about,
    )
    screen = stderr()
    with frame_progress(screen) as bar:
        exported = run(options, progress=bar)
    if console.as_json:
        typer.echo(json.dumps(exported.summary(), indent=2))
    else:
        _print_summary(screen, exported)


def _print_summary(console: Console, exported: ExportResult) -> None:
    """Print how the file was checked, and where it is."""
    agreement = exported.agreement
    console.print(
        f"the same {agreement.instances // 2} instances in {agreement.images} pictures "
        f"({exported.compared_on}): scores within {agreement.score_gap:.4f}, boxes within "
        f"{agreement.box_gap_px:.2f} px, masks from IoU {agreement.mask_iou:.4f}",
        soft_wrap=True,
    )
    if agreement.logit_gap is not None:
        console.print(
            f"and the same classes of pixels: logits within {agreement.logit_gap:.2g} of the "
            f"largest, {100 * (agreement.pixels_differ or 0.0):.2g} % of the classes differ",
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
