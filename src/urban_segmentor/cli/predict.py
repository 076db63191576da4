"""`urban-segmentor predict`: pictures, folders and videos in, results out."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.cli.option_records import ConsoleOptions, with_options, without
from urban_segmentor.inference.config import (
    MANY_STREAMS,
    USUAL_CONFIG,
    ModelOptions,
    SegmenterConfig,
)
from urban_segmentor.inference.panoptic_config import PanopticConfig, PanopticOptions
from urban_segmentor.inference.smoothing_options import SmoothingOptions
from urban_segmentor.io.clip_range import ClipRange
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.io.output_options import (
    FRAMES,
    OVERLAY,
    PANOPTIC_FORMATS,
    OutputOptions,
    wanted_kinds,
)
from urban_segmentor.options import like
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter
    from urban_segmentor.inference.segmenter import Segmenter
    from urban_segmentor.predict import PredictReport

_MERGE = PanopticConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """What has another default with panoptic maps; None for that default.

    Attributes:
        kinds: Kinds of output.
        panoptic: Merge all into one map in which a pixel has one segment, or none.
        conf: Lowest score.
        boxes: Draw boxes.
    """

    kinds: tuple[str, ...] | None = like(
        OutputOptions,
        "kinds",
        default=None,
        shown=f"{OVERLAY}; with --panoptic also {', '.join(PANOPTIC_FORMATS)}",
    )
    panoptic: bool = like(
        PanopticOptions,
        "panoptic",
        help="Merge all into one map in which each pixel has one segment, or none; all kinds of "
        "results then hold its segments.",
    )
    conf: float | None = like(
        SegmenterConfig,
        "conf",
        default=None,
        shown=f"{USUAL_CONFIG.conf}; with --panoptic {_MERGE.score} for things, "
        f"{_MERGE.stuff_score} for stuff",
    )
    boxes: bool | None = like(
        OverlayStyle, "boxes", default=None, shown="boxes; none with --panoptic"
    )


@with_options
def predict(  # noqa: PLR0913 - one parameter a record
    inputs: Annotated[
        list[str], typer.Argument(help="Pictures, videos, folders, or patterns such as 'a/*.jpg'.")
    ],
    output: Annotated[OutputOptions, without("kinds")],
    model: ModelOptions,
    chosen: PredictOptions,
    config: Annotated[SegmenterConfig, without("conf")],
    style: Annotated[OverlayStyle, without("boxes")],
    smoothing: SmoothingOptions,
    clip: ClipRange,
    encoding: EncodingOptions,
    console: ConsoleOptions,
) -> None:
    """Outline what is in street pictures and videos.

    Examples:
        urban-segmentor predict photo.jpg

        urban-segmentor predict clip.mp4 --classes car,person --save overlay,csv

        urban-segmentor predict folder/ --save coco --json

        urban-segmentor predict photo.jpg --panoptic
    """
    from urban_segmentor.cli.console import frame_progress, silence_decoders, stderr
    from urban_segmentor.cli.interrupts import stop_on_signals
    from urban_segmentor.cli.load_segmenter import load_segmenter
    from urban_segmentor.io.inputs import find_inputs
    from urban_segmentor.predict import PredictRun
    from urban_segmentor.visualization.overlay import Overlay

    silence_decoders()
    screen = stderr()
    kinds, panoptic = wanted_kinds(chosen.kinds, panoptic=chosen.panoptic)
    outputs = replace(output, kinds=kinds, encoding=encoding)
    boxes = not panoptic if chosen.boxes is None else chosen.boxes
    files = find_inputs(inputs, leave_out=outputs.folder)
    is_much = bool(files.videos) or len(files.images) > MANY_STREAMS
    segmenter = load_segmenter(
        replace(model, streams=MANY_STREAMS) if is_much else model,
        replace(config, conf=_min_score(chosen.conf, panoptic=panoptic)),
    )
    choice = segmenter.selection
    screen.print(f"{choice.runtime} on {choice.device}: {choice.reason}", style="dim")
    if chosen.kinds is None:
        outputs = _possible(outputs, segmenter, screen)
    if files.videos and "coco" in outputs.kinds and FRAMES not in outputs.kinds:
        screen.print(
            "note: in coco.json `file_name` of video frames leads to files only with "
            "--save coco,frames",
            style="yellow",
            soft_wrap=True,
        )
    prediction = PredictRun(
        files,
        segmenter=_merging(segmenter, chosen.conf) if panoptic else segmenter,
        renderers=[Overlay(style=replace(style, boxes=boxes, segments=panoptic))],
        outputs=outputs,
        selection=clip,
        smooth=smoothing.smooth,
    )
    with stop_on_signals(prediction.stop), frame_progress(screen) as bar:
        outcome = prediction.run(on_source=bar.start, on_frame=bar.advance)
    if console.as_json:
        typer.echo(json.dumps(_as_json(outcome, segmenter) | {"panoptic": panoptic}, indent=2))
    else:
        _print_summary(screen, outcome, segmenter, unit="frame" if files.videos else "picture")
    _exit(outcome)


def _min_score(conf: float | None, *, panoptic: bool) -> float:
    """Return the lowest score that the model has to report."""
    if conf is not None:
        return conf
    return _MERGE.min_score if panoptic else USUAL_CONFIG.conf


def _possible(outputs: OutputOptions, segmenter: Segmenter, screen: Console) -> OutputOptions:
    """Return the usual outputs without those that the classes of the model do not allow."""
    from urban_segmentor.io.writers.label_ids import has_labels

    if "labelids" not in outputs.kinds or has_labels(segmenter.spec.class_names):
        return outputs
    screen.print("no labelids: none of the model's classes is Cityscapes'", style="yellow")
    return replace(outputs, kinds=tuple(kind for kind in outputs.kinds if kind != "labelids"))


def _merging(segmenter: Segmenter, conf: float | None) -> PanopticSegmenter:
    """Return the segmenter with a merge behind it, for which a score that was given counts."""
    from urban_segmentor.inference.panoptic_segmenter import PanopticSegmenter

    config = _MERGE if conf is None else _MERGE.with_min_score(conf)
    return PanopticSegmenter(segmenter, config=config)


def _exit(outcome: PredictReport) -> None:
    """Say what went wrong, and end with the code for it."""
    from urban_segmentor.cli.interrupts import EXIT_CODE

    for problem in outcome.problems:
        typer.secho(f"error: {problem}", fg="red", err=True)
    if outcome.interrupted:
        raise typer.Exit(EXIT_CODE)
    if outcome.problems:
        raise typer.Exit(1)


def _print_summary(
    console: Console, outcome: PredictReport, segmenter: Segmenter, *, unit: str
) -> None:
    """Say what was found, where the results are, and what the stages cost."""
    from urban_segmentor.cli.console import rich_table
    from urban_segmentor.reports.tables import stage_times

    if outcome.frames:  # "found: nothing" would sound as if something had been looked at
        counts = _counts(outcome, segmenter)
        found = ", ".join(f"{count} {name}" for name, count in counts.items())
        rate = outcome.frames / outcome.elapsed_s if outcome.elapsed_s else 0.0
        frames = f"{outcome.frames} {unit}{'' if outcome.frames == 1 else 's'}"
        console.print(f"{frames}, {outcome.elapsed_s:.1f} s, {rate:.1f} a second")
        console.print(f"found: {found or 'nothing'}")
    if outcome.interrupted:
        console.print("stopped early; what is done so far is kept", style="yellow")
    for path in outcome.written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)
    if outcome.frames:
        console.print(rich_table(stage_times(outcome.stages.summary())))


def _counts(outcome: PredictReport, segmenter: Segmenter) -> dict[str, int]:
    """Return the instances by class name, most frequent first; names that repeat count as one."""
    counts: Counter[str] = Counter()
    for class_id, count in outcome.by_class.items():
        counts[segmenter.spec.class_names[class_id]] += count
    return dict(counts.most_common())


def _as_json(outcome: PredictReport, segmenter: Segmenter) -> dict[str, object]:
    return {
        "frames": outcome.frames,
        "instances": outcome.instances,
        "by_class": _counts(outcome, segmenter),
        "elapsed_s": round(outcome.elapsed_s, 3),
        "fps": round(outcome.frames / outcome.elapsed_s, 2) if outcome.elapsed_s else 0.0,
        "stages": outcome.stages.summary(),
        "runtime": segmenter.selection.runtime,
        "device": segmenter.selection.device,
        "written": [str(path) for path in outcome.written],
        "problems": outcome.problems,
        "interrupted": outcome.interrupted,
    }
