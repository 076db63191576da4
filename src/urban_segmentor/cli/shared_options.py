"""Options that several commands have, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

_MODEL, _FIND, _DRAW, _VIDEO, _WRITE = "Model", "What to find", "Drawing", "Video", "Results"

Model = Annotated[
    str,
    typer.Option(
        help="Embedded name, path to .onnx or .xml, or hf://owner/repo/file.onnx.",
        rich_help_panel=_MODEL,
    ),
]
Device = Annotated[
    str, typer.Option(help="auto, cpu, gpu, npu, cuda or cuda:0.", rich_help_panel=_MODEL)
]
Runtime = Annotated[str, typer.Option(help="auto, openvino or onnx.", rich_help_panel=_MODEL)]
Precision = Annotated[str, typer.Option(help="auto (the fastest) or f32.", rich_help_panel=_MODEL)]
Imgsz = Annotated[
    str | None,
    typer.Option(help="Long side of the network input, or H,W; pixels.", rich_help_panel=_MODEL),
]

Iou = Annotated[
    float, typer.Option(help="Overlap of two boxes of one object.", rich_help_panel=_FIND)
]
MaxDet = Annotated[int, typer.Option(help="Most instances in a picture.", rich_help_panel=_FIND)]
Classes = Annotated[
    list[str] | None, typer.Option(help="Names or numbers, with commas.", rich_help_panel=_FIND)
]

MasksOnly = Annotated[
    bool, typer.Option("--masks-only", help="Draw masks alone.", rich_help_panel=_DRAW)
]
Masks = Annotated[bool, typer.Option(help="Fill masks.", rich_help_panel=_DRAW)]
Outlines = Annotated[bool, typer.Option(help="Trace edges.", rich_help_panel=_DRAW)]
Labels = Annotated[bool, typer.Option(help="Write classes.", rich_help_panel=_DRAW)]
Scores = Annotated[bool, typer.Option(help="Write scores.", rich_help_panel=_DRAW)]
Opacity = Annotated[float, typer.Option(help="Of the masks, 0 to 1.", rich_help_panel=_DRAW)]

Palette = Annotated[
    str,
    typer.Option(
        help="cityscapes, or safe for colors that the color-blind can tell apart.",
        rich_help_panel=_DRAW,
    ),
]

Codec = Annotated[str, typer.Option(help="h264 or vp9.", rich_help_panel=_VIDEO)]
Crf = Annotated[int, typer.Option(help="Quality, 0 (best) to 51.", rich_help_panel=_VIDEO)]
Preset = Annotated[str, typer.Option(help="x264's preset.", rich_help_panel=_VIDEO)]

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace results.", rich_help_panel=_WRITE)
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_WRITE)
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")]
