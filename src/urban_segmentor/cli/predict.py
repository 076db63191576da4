"""`urban-segmentor predict`: pictures, folders and videos in, results out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.cli import shared_options as declared

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.io.video_reader import ClipRange
    from urban_segmentor.predict import PredictReport

_CONF = 0.25
_VIDEO_STREAMS = 2  # one network a core beats one network on two cores by a fifth

_WHAT, _FIND, _DRAW, _VIDEO, _WRITE = "Model", "What to find", "Drawing", "Video", "Results"


def predict(  # noqa: PLR0913 - one parameter an option
    inputs: Annotated[
        list[str], typer.Argument(help="Pictures, videos, folders, or patterns such as 'a/*.jpg'.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the results.", rich_help_panel=_WRITE)
    ] = Path("urban-out"),
    save: Annotated[
        str | None,
        typer.Option(
            help="Any of overlay, coco, yolo, jsonl, csv, masks, cityscapes, panoptic, labelids, "
            "with commas; the last two imply --panoptic.",
            show_default="overlay; with --panoptic also panoptic, labelids",
            rich_help_panel=_WRITE,
        ),
    ] = None,
    overwrite: declared.Overwrite = False,
    as_json: declared.AsJson = False,
    model: declared.Model = "urban-n",
    device: declared.Device = "auto",
    runtime: declared.Runtime = "auto",
    precision: declared.Precision = "auto",
    imgsz: declared.Imgsz = None,
    panoptic: Annotated[
        bool,
        typer.Option(
            "--panoptic",
            help="Merge all into one map in which each pixel has one segment, or none; all kinds "
            "of results then hold its segments.",
            rich_help_panel=_FIND,
        ),
    ] = False,
    conf: Annotated[
        float | None,
        typer.Option(
            help="Lowest score, 0 to 1.",
            show_default="0.25; with --panoptic 0.5 for things, 0.1 for stuff",
            rich_help_panel=_FIND,
        ),
    ] = None,
    iou: declared.Iou = 0.7,
    max_det: declared.MaxDet = 300,
    classes: declared.Classes = None,
    masks_only: declared.MasksOnly = False,
    masks: declared.Masks = True,
    outlines: declared.Outlines = True,
    boxes: Annotated[
        bool | None,
        typer.Option(
            help="Draw boxes.", show_default="boxes; none with --panoptic", rich_help_panel=_DRAW
        ),
    ] = None,
    labels: declared.Labels = True,
    scores: declared.Scores = True,
    opacity: declared.Opacity = 0.5,
    palette: declared.Palette = "cityscapes",
    start: Annotated[float, typer.Option(help="Begin at, seconds.", rich_help_panel=_VIDEO)] = 0.0,
    duration: Annotated[
        float | None, typer.Option(help="Length, seconds.", rich_help_panel=_VIDEO)
    ] = None,
    vid_stride: Annotated[
        int, typer.Option(help="Every how manyth frame.", rich_help_panel=_VIDEO)
    ] = 1,
    fps: Annotated[
        float | None, typer.Option(help="At most so many frames a second.", rich_help_panel=_VIDEO)
    ] = None,
    codec: declared.Codec = "h264",
    crf: declared.Crf = 23,
    preset: declared.Preset = "ultrafast",
    verbose: declared.Verbose = False,  # noqa: ARG001 - read by `main` before the parser
) -> None:
    """Outline what is in street pictures and videos.

    Examples:
        urban-segmentor predict photo.jpg

        urban-segmentor predict clip.mp4 --classes car,person --save overlay,csv

        urban-segmentor predict folder/ --save coco --json

        urban-segmentor predict photo.jpg --panoptic
    """
    from urban_segmentor.cli.console import frame_progress, stage_table, stderr
    from urban_segmentor.cli.interrupts import EXIT_CODE, stop_on_signals
    from urban_segmentor.cli.parsers import one_of, parse_imgsz, silence_decoders
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.io.inputs import find_inputs
    from urban_segmentor.io.writers.label_ids import has_labels
    from urban_segmentor.predict import OutputOptions, Prediction, parse_classes, wanted_kinds
    from urban_segmentor.visualization.overlay import Overlay, OverlayStyle

    silence_decoders()
    console = stderr()
    kinds, panoptic = wanted_kinds(save, panoptic=panoptic)
    style = OverlayStyle(
        masks=masks,
        outlines=outlines,
        boxes=not panoptic if boxes is None else boxes,
        labels=labels,
        scores=scores,
        opacity=opacity,
        segments=panoptic,
        palette=palette,
    )
    outputs = OutputOptions(
        folder=output,
        kinds=kinds,
        overwrite=overwrite,
        codec=codec,
        crf=crf,
        preset=preset,
    )
    selection = _selection(start=start, duration=duration, stride=vid_stride, fps=fps)
    files = find_inputs(inputs, leave_out=output)
    segmenter = Segmenter(
        model,
        device=device,
        runtime=one_of("runtime", runtime, ("auto", "openvino", "onnx")),
        precision=one_of("precision", precision, ("auto", "f32")),
        streams=_VIDEO_STREAMS if files.videos or len(files.images) > _VIDEO_STREAMS else 1,
        imgsz=parse_imgsz(imgsz),
        conf=_min_score(conf, panoptic=panoptic),
        iou=iou,
        max_det=max_det,
        classes=parse_classes(classes or []),
    )
    selection_ = segmenter.selection
    console.print(f"{selection_.runtime} on {selection_.device}: {selection_.reason}", style="dim")
    names = segmenter.spec.class_names
    if save is None and "labelids" in kinds and not has_labels(names):
        outputs = replace(outputs, kinds=tuple(kind for kind in kinds if kind != "labelids"))
        console.print("no labelids: none of the model's classes is Cityscapes'", style="yellow")
    prediction = Prediction(
        files,
        segmenter=_merging(segmenter, conf) if panoptic else segmenter,
        renderers=[Overlay(style=style.masks_only() if masks_only else style)],
        outputs=outputs,
        selection=selection,
    )
    with stop_on_signals(prediction.stop), frame_progress(console) as bar:
        outcome = prediction.run(on_source=bar.start, on_frame=bar.advance)
    if as_json:
        typer.echo(json.dumps(_as_json(outcome, segmenter) | {"panoptic": panoptic}, indent=2))
    else:
        _tell(console, outcome, segmenter, unit="frame" if files.videos else "image")
        console.print(stage_table(outcome.stages.summary()))
    for problem in outcome.problems:
        typer.secho(f"error: {problem}", fg="red", err=True)
    if outcome.interrupted:
        raise typer.Exit(EXIT_CODE)
    if outcome.problems:
        raise typer.Exit(1)


def _min_score(conf: float | None, *, panoptic: bool) -> float:
    """Return the lowest score that the model has to report."""
    from urban_segmentor.inference.panoptic_merge import PanopticConfig

    if conf is not None:
        return conf
    return PanopticConfig().min_score if panoptic else _CONF


def _merging(segmenter: Segmenter, conf: float | None) -> PanopticSegmenter:
    """Return the segmenter with a merge behind it, for which a score that was given counts."""
    from urban_segmentor.inference.panoptic_merge import PanopticConfig
    from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter

    config = PanopticConfig() if conf is None else PanopticConfig(score=conf, stuff_score=conf)
    return PanopticSegmenter(segmenter, config=config)


def _selection(
    *, start: float, duration: float | None, stride: int, fps: float | None
) -> ClipRange:
    from urban_segmentor.io.video_reader import ClipRange

    return ClipRange(start_s=start, duration_s=duration, stride=stride, max_fps=fps)


def _tell(console: Console, outcome: PredictReport, segmenter: Segmenter, *, unit: str) -> None:
    """Say what was found and where the results are."""
    names = segmenter.spec.class_names
    found = ", ".join(f"{count} {names[i]}" for i, count in outcome.by_class.most_common())
    rate = outcome.frames / outcome.elapsed_s if outcome.elapsed_s else 0.0
    frames = f"{outcome.frames} {unit}{'' if outcome.frames == 1 else 's'}"
    console.print(f"{frames}, {outcome.elapsed_s:.1f} s, {rate:.1f} a second")
    console.print(f"found: {found or 'nothing'}")
    if outcome.interrupted:
        console.print("stopped early; what is done so far is kept", style="yellow")
    for path in outcome.written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)


def _as_json(outcome: PredictReport, segmenter: Segmenter) -> dict[str, object]:
    names = segmenter.spec.class_names
    return {
        "frames": outcome.frames,
        "instances": outcome.instances,
        "by_class": {names[i]: count for i, count in outcome.by_class.most_common()},
        "elapsed_s": round(outcome.elapsed_s, 3),
        "fps": round(outcome.frames / outcome.elapsed_s, 2) if outcome.elapsed_s else 0.0,
        "stages": outcome.stages.summary(),
        "runtime": segmenter.selection.runtime,
        "device": segmenter.selection.device,
        "written": [str(path) for path in outcome.written],
        "problems": outcome.problems,
        "interrupted": outcome.interrupted,
    }
