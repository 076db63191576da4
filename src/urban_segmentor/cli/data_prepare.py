"""`urban-segmentor data prepare`: a Cityscapes folder made into a data set for training."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from urban_segmentor.datasets.convert.convert_frame import ConversionOptions

_WHAT, _IMAGES, _RUN = "Labels", "Pictures", "Run"


def prepare(  # noqa: PLR0913 - one parameter an option
    folder: Annotated[Path, typer.Argument(help="Folder with gtFine and leftImg8bit.")],
    out: Annotated[Path, typer.Argument(help="Folder for the new data set.")],
    form: Annotated[
        str, typer.Option("--format", help="yolo, coco or panoptic.", rich_help_panel=_WHAT)
    ] = "yolo",
    classes: Annotated[
        str,
        typer.Option(help="19, 8 (things), or names with commas.", rich_help_panel=_WHAT),
    ] = "19",
    stuff: Annotated[
        str,
        typer.Option(
            help="Road, sky and the like: regions for each connected region alone, whole for one "
            "segment a class.",
            rich_help_panel=_WHAT,
        ),
    ] = "regions",
    labels_as_original: Annotated[
        bool,
        typer.Option(
            "--labels-as-original",
            help="As the original demo's converter, with its faults, for comparison.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    ground_truth: Annotated[
        str,
        typer.Option(
            help="Official pictures to write too: any of labelIds,instanceIds,color, or all.",
            show_default="none",
            rich_help_panel=_WHAT,
        ),
    ] = "",
    images: Annotated[str, typer.Option(help="link or copy.", rich_help_panel=_IMAGES)] = "link",
    imgsz: Annotated[
        str | None,
        typer.Option(help="Resize: long side, or H,W; pixels.", rich_help_panel=_IMAGES),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="With commas.",
            show_default="all but test, whose labels are dummies",
            rich_help_panel=_RUN,
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes; default one a core.", rich_help_panel=_RUN)
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Make OUT anew.", rich_help_panel=_RUN),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_RUN)
    ] = False,
    verbose: Annotated[  # noqa: ARG001 - read by `main` before the parser
        bool, typer.Option("-v", "--verbose", help="Show tracebacks.", rich_help_panel=_RUN)
    ] = False,
) -> None:
    """Convert Cityscapes for training: what is to be seen of each object, pixel for pixel.

    A run that was stopped goes on when the same command is repeated. What cannot be read is
    named and left out, and the command then ends with exit 1.

    Examples:
        urban-segmentor data prepare cityscapes prepared

        urban-segmentor data prepare cityscapes small --imgsz 1024 --classes 8

        urban-segmentor data prepare cityscapes coco --format coco --ground-truth all
    """
    from threading import Event

    from urban_segmentor.cli.console import frame_progress, stderr
    from urban_segmentor.cli.interrupts import Interrupted, stop_on_signals
    from urban_segmentor.cli.parsers import one_of, parse_imgsz, silence_decoders
    from urban_segmentor.datasets.cityscapes.layout import GROUND_TRUTH, read_layout
    from urban_segmentor.datasets.class_set import parse_class_set
    from urban_segmentor.datasets.convert import prepare as preparing
    from urban_segmentor.datasets.convert.convert_frame import ConversionOptions
    from urban_segmentor.datasets.convert.output_folder import REPORT, finish_conversion
    from urban_segmentor.datasets.convert.report_page import write_page

    silence_decoders()
    console = stderr()
    kinds = GROUND_TRUTH if ground_truth == "all" else _words(ground_truth)
    options = ConversionOptions(
        out=out,
        format=one_of("format", form, ("yolo", "coco", "panoptic")),
        classes=parse_class_set(classes),
        stuff=one_of("stuff", stuff, ("regions", "whole")),
        as_original=labels_as_original,
        ground_truth=kinds,
        placement=one_of("images", images, ("link", "copy")),
        imgsz=parse_imgsz(imgsz),
    )
    layout = read_layout(folder)
    splits = preparing.default_splits(layout) if split is None else _words(split)
    stopped = Event()
    written: list[Path] = []
    with stop_on_signals(stopped.set), frame_progress(console) as bar:
        report = preparing.prepare(
            layout,
            options,
            splits=splits,
            overwrite=overwrite,
            workers=workers,
            stop=stopped.is_set,
            on_start=lambda frames: bar.start("converting", frames),
            on_frame=bar.advance,
        )
        if not report["interrupted"]:
            written = [*_made(options, splits), write_page(out, report), out / REPORT]
            finish_conversion(options, report)
    if report["interrupted"]:
        done = sum(report["images"].values())
        hint = f"repeat the command to go on: {done} of {done + report['left_out']} are done"
        raise Interrupted(hint=hint)
    _finish(console, options, report, written, as_json=as_json)


def _finish(
    console: Console,
    options: ConversionOptions,
    report: dict[str, Any],
    written: Sequence[Path],
    *,
    as_json: bool,
) -> None:
    """Print what was done, what is wrong and what is next; end with 1 when something is."""
    if as_json:
        paths = [str(path) for path in written]
        typer.echo(json.dumps({"out": str(options.out), **report, "written": paths}, indent=2))
    else:
        _tell(console, options, report)
    for problem in report["problems"]:
        typer.secho(f"error: {problem}", fg="red", err=True)
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)
    console.print(f"next: {_next(options)}", soft_wrap=True)
    if report["problems"] or not report["complete"]:
        raise typer.Exit(1)


def _words(text: str) -> tuple[str, ...]:
    """Return words out of a list with commas, each once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _made(options: ConversionOptions, splits: Sequence[str]) -> list[Path]:
    """Return the files that a training is pointed to."""
    from urban_segmentor.datasets.convert.output_folder import YAML
    from urban_segmentor.datasets.convert.split_files import split_file

    if options.format == "yolo":
        return [options.out / YAML]
    return [split_file(options, split) for split in splits]


def _next(options: ConversionOptions) -> str:
    """Return what one may do now."""
    if options.format == "yolo" and (options.out / "images" / "train").is_dir():
        return f"urban-segmentor train --data {shlex.quote(str(options.out))}"
    return f"urban-segmentor data show {shlex.quote(str(options.out))}"


def _tell(console: Console, options: ConversionOptions, report: dict[str, Any]) -> None:
    """Print what became of the labels."""
    from rich.table import Table

    keys = ["segments", "groups"]
    if options.format == "yolo" and not options.as_original:
        keys += ["bridged", "pixels", "lost", "added"]
    table = Table(box=None, pad_edge=False)
    table.add_column("class")
    for key in keys:
        table.add_column(key, justify="right")
    for name, count in report["classes"].items():
        table.add_row(name, *(f"{count[key]:,}" for key in keys))
    console.print(table)
    for line in _lines(options, report):
        console.print(line, soft_wrap=True)


def _about_polygons(options: ConversionOptions, report: dict[str, Any]) -> str:
    drawn, outside = f"{report['polygons']:,}", f"{report['clipped']:,}"
    if options.as_original:
        return (
            f"polygons: {drawn}, each with what others hide of it; {outside} reach out of the "
            "picture, and are left so; groups are dropped"
        )
    return (
        f"polygons: {drawn}; {outside} cut off at the border, "
        f"{report['deleted']:,} deleted, {report['hidden']:,} objects wholly hidden"
    )


def _lines(options: ConversionOptions, report: dict[str, Any]) -> list[str]:
    images = ", ".join(f"{count:,} {split}" for split, count in report["images"].items())
    again = f", {report['resumed']:,} of them by an earlier run" * bool(report["resumed"])
    lines = [
        f"pictures: {images}{again}; {report['seconds']:.1f} s",
        _about_polygons(options, report),
    ]
    if options.format != "yolo":
        lines.append("masks: as large as the pictures")
    if options.format == "yolo" and "train" not in report["images"]:
        lines.append("there is no `train`: the yaml names other frames in its place")
    large = report["round_trip"]["large"]
    if large["segments"]:
        lines.append(
            f"masks to polygons and back, over 1,000 pixels: mean IoU {large['mean_iou']:.6f}, "
            f"lowest {large['lowest_iou']:.4f}, {large['below_0.995']:,} of "
            f"{large['segments']:,} below 0.995"
        )
    groups = sum(count["groups"] for count in report["classes"].values())
    if groups and options.format == "yolo":
        lines.append(
            f"groups: {groups:,} regions of several objects are no labels, as YOLO cannot ignore "
            "a region; they are listed below `ignored`, and the pictures are left as they are"
        )
    return lines
