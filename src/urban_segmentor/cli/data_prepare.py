"""`urban-segmentor data prepare`: a Cityscapes folder made into a data set for training."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urban_segmentor.cli.option_records import ConsoleOptions, WorkerOptions, with_options
from urban_segmentor.datasets.convert.options import ConversionOptions
from urban_segmentor.errors import check_libraries
from urban_segmentor.options import option, parse_word_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOptions:
    """What of a data set is converted, and over what.

    Attributes:
        splits: Names of splits; empty for those whose labels are more than dummies.
        overwrite: Make the new data set anew.
    """

    splits: tuple[str, ...] | None = option(
        None,
        help="Names of splits, with commas.",
        flags=("--split",),
        shown="all but test, whose labels are dummies",
        parse=parse_word_lists,
        repeats=True,
    )
    overwrite: bool = option(default=False, help="Make OUT anew.")


@with_options
def prepare(
    folder: Annotated[Path, typer.Argument(help="Folder with gtFine and leftImg8bit.")],
    options: ConversionOptions,
    wanted: PrepareOptions,
    processes: WorkerOptions,
    console: ConsoleOptions,
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

    from urban_segmentor.cli.console import frame_progress, silence_decoders, stderr
    from urban_segmentor.cli.interrupts import Interrupted, stop_on_signals
    from urban_segmentor.datasets.cityscapes.layout import read_layout
    from urban_segmentor.datasets.convert import prepare as preparing
    from urban_segmentor.datasets.convert.output_folder import REPORT, finish_conversion
    from urban_segmentor.datasets.convert.report_page import write_page

    check_libraries("jinja2", extra="data")
    silence_decoders()
    screen = stderr()
    layout = read_layout(folder)
    splits = preparing.default_splits(layout) if wanted.splits is None else wanted.splits
    stopped = Event()
    written: list[Path] = []
    with stop_on_signals(stopped.set), frame_progress(screen) as bar:
        report = preparing.prepare(
            layout,
            options,
            splits=splits,
            overwrite=wanted.overwrite,
            workers=processes.workers,
            stop=stopped.is_set,
            on_start=lambda frames: bar.start("converting", frames),
            on_frame=bar.advance,
        )
        if not report["interrupted"]:
            written = [
                *_made(options, splits),
                write_page(options.out, report),
                options.out / REPORT,
            ]
            finish_conversion(options, report)
    if report["interrupted"]:
        done = sum(report["images"].values())
        hint = f"repeat the command to go on: {done} of {done + report['left_out']} are done"
        raise Interrupted(hint=hint)
    _finish(screen, options, report, written, as_json=console.as_json)


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
        _print_summary(console, options, report)
    for problem in report["problems"]:
        typer.secho(f"error: {problem}", fg="red", err=True)
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)
    console.print(f"next: {_next(options)}", soft_wrap=True)
    if report["problems"] or not report["complete"]:
        raise typer.Exit(1)


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


def _print_summary(console: Console, options: ConversionOptions, report: dict[str, Any]) -> None:
    """Print what became of the labels."""
    from urban_segmentor.cli.console import rich_table
    from urban_segmentor.reports.tables import ReportTable

    keys = ["segments", "groups"]
    if options.format == "yolo" and not options.as_original:
        keys += ["bridged", "pixels", "lost", "added"]
    rows = [
        (name, *(f"{count[key]:,}" for key in keys)) for name, count in report["classes"].items()
    ]
    console.print(rich_table(ReportTable(title="", head=("class", *keys), rows=rows)))
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
