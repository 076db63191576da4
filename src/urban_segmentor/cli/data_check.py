"""`urban-segmentor data check`: what a Cityscapes folder has, and what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urban_segmentor.cli.option_records import ConsoleOptions, WorkerOptions, with_options

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.datasets.cityscapes.check import CheckReport


@with_options
def check(
    folder: Annotated[Path, typer.Argument(help="Folder with gtFine and leftImg8bit.")],
    processes: WorkerOptions,
    console: ConsoleOptions,
) -> None:
    """Read every file of a Cityscapes folder, and name all that is wrong.

    Exit 1 when something is wrong. What official data has too, such as polygons that reach a bit
    out of the picture, is told and is not wrong.

    Examples:
        urban-segmentor data check cityscapes

        urban-segmentor data check cityscapes --json > findings.json
    """
    from threading import Event

    from urban_segmentor.cli.console import frame_progress, stderr
    from urban_segmentor.cli.interrupts import Interrupted, stop_on_signals
    from urban_segmentor.cli.parsers import silence_decoders
    from urban_segmentor.datasets.cityscapes import check as checking
    from urban_segmentor.datasets.cityscapes.layout import read_layout

    silence_decoders()
    screen = stderr()
    layout = read_layout(folder)
    stopped = Event()
    with stop_on_signals(stopped.set), frame_progress(screen) as bar:
        bar.start("checking", len(layout.frames))
        report = checking.check(
            layout, workers=processes.workers, stop=stopped.is_set, on_frame=bar.advance
        )
    if stopped.is_set():
        raise Interrupted
    if console.as_json:
        typer.echo(json.dumps(_as_json(folder, report), indent=2))
    else:
        _tell(screen, report)
    for finding in report.problems:
        typer.secho(f"error: `{finding.where}` {finding.text}", fg="red", err=True)
    if report.problems:
        raise typer.Exit(1)
    screen.print(
        f"nothing is wrong; next: urban-segmentor data prepare {folder} OUT", soft_wrap=True
    )


def _tell(console: Console, report: CheckReport) -> None:
    """Print what there is, and what is worth knowing, summed up."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("split", "city"):
        table.add_column(heading)
    for heading in ("images", "labels"):
        table.add_column(heading, justify="right")
    for split, cities in sorted(report.cities.items()):
        for city, count in sorted(cities.items()):
            table.add_row(split, city, str(count.images), str(count.labels))
        whole = report.of_split(split)
        table.add_row(split, "all", str(whole.images), str(whole.labels), style="bold")
    console.print(table)
    sizes = [f"{count} of {w} x {h}" for (h, w), count in report.sizes.most_common()]
    console.print(f"pictures, pixels: {', '.join(sizes) or 'none'}", soft_wrap=True)
    for text in report.summarize_notes():
        console.print(f"note: {text}", soft_wrap=True)


def _as_json(folder: Path, report: CheckReport) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "splits": {
            split: {
                **asdict(report.of_split(split)),
                "cities": {city: asdict(count) for city, count in sorted(cities.items())},
            }
            for split, cities in sorted(report.cities.items())
        },
        "sizes": [
            {"height": height, "width": width, "images": count}
            for (height, width), count in report.sizes.most_common()
        ],
        "problems": [finding._asdict() for finding in report.problems],
        "notes": [finding._asdict() for finding in report.notes],
    }
