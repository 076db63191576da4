"""`urban-segmentor data show`: frames with their labels, and what a data set has of each class."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.datasets.class_set import ClassSet
    from urban_segmentor.datasets.explore.overview import Overview
    from urban_segmentor.datasets.explore.viewer import Sizing
    from urban_segmentor.datasets.samples import SampleSet


def show(  # noqa: PLR0913 - one parameter an option
    folder: Annotated[
        Path, typer.Argument(help="A Cityscapes folder, or one that `data prepare` made.")
    ],
    stem: Annotated[
        str | None,
        typer.Argument(help="One frame, such as weimar_000000_000019; else all of them."),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the files.")] = Path(
        "urban-out/show"
    ),
    classes: Annotated[
        str | None,
        typer.Option(
            help="19, 8 (things), or names with commas; default 19, of one frame all drawn."
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only train, val or test.")] = None,
    limit: Annotated[
        int | None, typer.Option(help="Look at so many frames only, drawn by lot.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number, other pictures.")] = 0,
    size: Annotated[
        str, typer.Option(help="Of one frame: that of its picture or that of its labels.")
    ] = "image",
    workers: Annotated[int | None, typer.Option(help="Processes; default one a core.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,  # noqa: ARG001 - read by `main` before the parser
) -> None:
    """Draw labels over pictures, and plot what there is of each class.

    With a frame's name it makes one picture; without, plots, a sheet of pictures for each class,
    and a page with all of them. Nothing is opened.

    Examples:
        urban-segmentor data show cityscapes weimar_000000_000019

        urban-segmentor data show cityscapes --split val --limit 100

        urban-segmentor data show prepared -o urban-out/prepared
    """
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.cli.parsers import one_of, silence_decoders
    from urban_segmentor.datasets.class_set import parse_class_set
    from urban_segmentor.datasets.prepared import open_frames

    silence_decoders()
    sizing: Sizing = one_of("size", size, ("image", "labels"))
    chosen = None if classes is None else parse_class_set(classes)
    frame_set = open_frames(folder)
    if chosen is not None:
        frame_set.check_classes(chosen)
    console = stderr()
    if stem is None:
        overview = _overview(
            frame_set, console, output, chosen, split, limit, seed, workers, overwrite
        )
        _tell_overview(console, frame_set, overview, as_json=as_json)
        return
    if limit is not None or workers is not None:
        raise SettingError(
            "--limit and --workers are for looking at all frames, not at one",
            hint="leave out either them or the name of the frame",
        )
    path = _one_frame(frame_set, stem, output, chosen, split, sizing, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps({"labels": frame_set.kind, "written": [str(path)]}, indent=2))
    console.print(f"result: {path}", style="bold green", soft_wrap=True)


def _one_frame(  # noqa: PLR0913
    frame_set: SampleSet,
    stem: str,
    output: Path,
    chosen: ClassSet | None,
    split: str | None,
    sizing: Sizing,
    *,
    overwrite: bool,
) -> Path:
    """Write the picture of a frame, and return where it is."""
    from urban_segmentor.datasets.explore.viewer import frame_sheet
    from urban_segmentor.datasets.samples import COLORED
    from urban_segmentor.io.atomic import check_free, write_atomically
    from urban_segmentor.reports.montage import png_image_bytes

    frame = frame_set.within(split).find(stem)
    path = output / f"{frame.stem}.png"
    check_free(path, overwrite=overwrite)
    default = COLORED if frame_set.kind == "cityscapes" else frame_set.classes
    image = frame_sheet(frame, classes=chosen or default, sizing=sizing)
    write_atomically(path, png_image_bytes(image), overwrite=overwrite)
    return path


def _overview(  # noqa: PLR0913
    frame_set: SampleSet,
    console: Console,
    output: Path,
    chosen: ClassSet | None,
    split: str | None,
    limit: int | None,
    seed: int,
    workers: int | None,
    overwrite: bool,  # noqa: FBT001
) -> Overview:
    """Look at all frames, with a bar."""
    from urban_segmentor.cli.console import frame_progress
    from urban_segmentor.datasets.class_set import parse_class_set
    from urban_segmentor.datasets.explore.overview import sample_frames, write_overview

    default = parse_class_set("19") if frame_set.kind == "cityscapes" else frame_set.classes
    part = frame_set.within(split)
    frames = sample_frames(part.frames, limit=limit, seed=seed)
    with frame_progress(console) as bar:
        overview = write_overview(
            part,
            frames,
            output,
            classes=chosen or default,
            seed=seed,
            overwrite=overwrite,
            workers=workers,
            on_start=bar.start,
            on_step=bar.advance,
        )
    overview.problems[:0] = part.problems
    return overview


def _tell_overview(
    console: Console, frame_set: SampleSet, overview: Overview, *, as_json: bool
) -> None:
    if as_json:
        typer.echo(json.dumps(_as_json(frame_set, overview), indent=2))
    for split, count in sorted(overview.statistics.splits.items()):
        objects, groups = int(count.objects.sum()), int(count.groups.sum())
        console.print(
            f"{split}: {count.frames} frames, {objects} objects and regions, {groups} groups"
        )
    for path in overview.written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)
    for problem in dict.fromkeys(overview.problems):
        typer.secho(f"error: {problem}", fg="red", err=True)
    if overview.problems:
        raise typer.Exit(1)


def _as_json(frame_set: SampleSet, overview: Overview) -> dict[str, Any]:
    return {
        "labels": frame_set.kind,
        "frames": sum(count.frames for count in overview.statistics.splits.values()),
        **overview.statistics.as_json(),
        "written": [str(path) for path in overview.written],
        "problems": overview.problems,
    }
