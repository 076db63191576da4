"""`urban-segmentor data show`: frames with their labels, and what a data set has of each class."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from urban_segmentor.cli.option_records import (
    DATASET,
    RESULTS,
    ConsoleOptions,
    WorkerOptions,
    with_options,
)
from urban_segmentor.errors import SettingError
from urban_segmentor.io.output_options import USUAL_FOLDER
from urban_segmentor.options import argument, check_choices, option

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.datasets.explore.overview import Overview
    from urban_segmentor.datasets.explore.sample_views import Sizing
    from urban_segmentor.datasets.samples import SampleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowOptions:
    """What is drawn, and where to.

    Attributes:
        folder: A data set, or the file that describes it.
        stem: One frame; None for all of them.
        classes: Names of those that are drawn; None for the usual ones.
        split: Only this one; None for all.
        limit: So many frames, drawn by lot; None for all.
        seed: Of the lot.
        size: Of one frame: that of its `image` or that of its `labels`.
        output: Folder for the files.
        overwrite: Replace files.

    Raises:
        SettingError: There is no such size.
    """

    folder: Path = argument(help=DATASET)
    stem: str | None = option(
        None,
        help="One frame, such as weimar_000000_000019; else all of them.",
        positional=True,
    )
    classes: str | None = option(
        None,
        help="Names with commas; of Cityscapes 19 or 8 (things) too.",
        shown="all; of Cityscapes 19, of one frame all that are drawn",
        parse=",".join,
        repeats=True,
    )
    split: str | None = option(None, help="Only train, val or test.")
    limit: int | None = option(None, help="Look at so many frames only, drawn by lot.")
    seed: int = option(0, help="Another number, other pictures.")
    size: Sizing = option(
        "image",
        help="Of one frame: that of its picture (image) or that of its labels.",
        choices=("image", "labels"),
    )
    output: Path = option(
        USUAL_FOLDER / "show",
        help="Folder for the files.",
        panel=RESULTS,
        flags=("-o", "--output"),
    )
    overwrite: bool = option(default=False, help="Replace files.", panel=RESULTS)

    def __post_init__(self) -> None:
        """Check the size."""
        check_choices(self, ("size",))


@with_options
def show(wanted: ShowOptions, processes: WorkerOptions, console: ConsoleOptions) -> None:
    """Draw labels over pictures, and plot what there is of each class.

    With a frame's name it makes one picture; without, plots, a sheet of pictures for each class,
    and a page with all of them. Nothing is opened.

    Examples:
        urban-segmentor data show cityscapes weimar_000000_000019

        urban-segmentor data show cityscapes --split val --limit 100

        urban-segmentor data show prepared -o urban-out/prepared
    """
    from urban_segmentor.cli.console import silence_decoders, stderr
    from urban_segmentor.datasets.open_dataset import open_dataset

    silence_decoders()
    frame_set = open_dataset(wanted.folder)
    screen = stderr()
    if wanted.stem is None:
        overview = _overview(frame_set, screen, wanted, workers=processes.workers)
        _tell_overview(screen, frame_set, overview, as_json=console.as_json)
        return
    if wanted.limit is not None or processes.workers is not None:
        raise SettingError(
            "--limit and --workers are for looking at all frames, not at one",
            hint="leave out either them or the name of the frame",
        )
    path = _one_frame(frame_set, wanted.stem, wanted)
    if console.as_json:
        typer.echo(json.dumps({"labels": frame_set.kind, "written": [str(path)]}, indent=2))
    screen.print(f"result: {path}", style="bold green", soft_wrap=True)


def _one_frame(frame_set: SampleSet, stem: str, wanted: ShowOptions) -> Path:
    """Write the picture of a frame, and return where it is."""
    from urban_segmentor.datasets.explore.sample_views import frame_sheet
    from urban_segmentor.io.atomic import check_free, write_atomically
    from urban_segmentor.io.image_codec import encode_image

    frame = frame_set.within(wanted.split).find(stem)
    path = wanted.output / f"{frame.stem}.png"
    check_free(path, overwrite=wanted.overwrite)
    classes = frame_set.drawn
    if wanted.classes is not None:
        classes = frame_set.chosen_classes(wanted.classes)
    image = frame_sheet(frame, classes=classes, sizing=wanted.size)
    write_atomically(path, encode_image(image, suffix=".png"), overwrite=wanted.overwrite)
    return path


def _overview(
    frame_set: SampleSet, screen: Console, wanted: ShowOptions, *, workers: int | None
) -> Overview:
    """Look at all frames, with a bar."""
    from urban_segmentor.cli.console import frame_progress
    from urban_segmentor.datasets.explore.overview import sample_frames, write_overview

    classes = frame_set.counted
    if wanted.classes is not None:
        classes = frame_set.chosen_classes(wanted.classes)
    part = frame_set.within(wanted.split)
    frames = sample_frames(part.frames, limit=wanted.limit, seed=wanted.seed)
    with frame_progress(screen) as bar:
        overview = write_overview(
            part,
            frames,
            wanted.output,
            classes=classes,
            seed=wanted.seed,
            overwrite=wanted.overwrite,
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
