"""`urban-segmentor data check`: what a data set has, and what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urban_segmentor.cli.option_records import DATASET, ConsoleOptions, WorkerOptions, with_options

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.datasets.check import CheckReport
    from urban_segmentor.datasets.samples import SampleSet


@with_options
def check(
    folder: Annotated[Path, typer.Argument(help=DATASET)],
    processes: WorkerOptions,
    console: ConsoleOptions,
) -> None:
    """Read every file of a data set, and name all that is wrong.

    Exit 1 when something is wrong. What official data has too, such as polygons that reach a bit
    out of the picture, is told and is not wrong.

    Examples:
        urban-segmentor data check cityscapes

        urban-segmentor data check cityscapes --json > findings.json

        urban-segmentor data check potholes/data.yaml
    """
    from threading import Event

    from urban_segmentor.cli.console import frame_progress, silence_decoders, stderr
    from urban_segmentor.cli.interrupts import Interrupted, stop_on_signals
    from urban_segmentor.datasets import check as checking
    from urban_segmentor.datasets.open_dataset import open_dataset

    silence_decoders()
    screen = stderr()
    samples = open_dataset(folder)
    stopped = Event()
    with stop_on_signals(stopped.set), frame_progress(screen) as bar:
        bar.start("checking", len(samples.samples))
        report = checking.check(
            samples, workers=processes.workers, stop=stopped.is_set, on_frame=bar.advance
        )
    if stopped.is_set():
        raise Interrupted
    if console.as_json:
        typer.echo(json.dumps(_as_json(samples, report), indent=2))
    else:
        _print_summary(screen, samples, report)
    for finding in report.problems:
        typer.secho(f"error: {finding}", fg="red", err=True)
    if report.problems:
        screen.print(f"wrong: {_counted(report)}", soft_wrap=True)
        raise typer.Exit(1)
    screen.print(f"nothing is wrong; next: {samples.next_command(folder)}", soft_wrap=True)


def _counted(report: CheckReport) -> str:
    """Return how many findings of each sort there are."""
    counts = Counter(finding.kind for finding in report.problems)
    return ", ".join(f"{count} x {kind}" for kind, count in counts.most_common())


def _print_summary(console: Console, samples: SampleSet, report: CheckReport) -> None:
    """Print what there is, and what is worth knowing, summed up."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("split", samples.grouping):
        table.add_column(heading)
    for heading in ("images", "labels"):
        table.add_column(heading, justify="right")
    for split, groups in sorted(report.groups.items()):
        for group, count in sorted(groups.items()):
            table.add_row(split, group, str(count.images), str(count.labels))
        whole = report.of_split(split)
        table.add_row(split, "all", str(whole.images), str(whole.labels), style="bold")
    console.print(table)
    sizes = [f"{count} of {w} x {h}" for (h, w), count in report.sizes.most_common()]
    console.print(f"pictures, pixels: {', '.join(sizes) or 'none'}", soft_wrap=True)
    for text in report.summarize_notes():
        console.print(f"note: {text}", soft_wrap=True)


def _as_json(samples: SampleSet, report: CheckReport) -> dict[str, Any]:
    return {
        "folder": str(samples.root),
        "labels": samples.kind,
        "splits": {
            split: {
                **asdict(report.of_split(split)),
                samples.groups: {name: asdict(count) for name, count in sorted(groups.items())},
            }
            for split, groups in sorted(report.groups.items())
        },
        "sizes": [
            {"height": height, "width": width, "images": count}
            for (height, width), count in report.sizes.most_common()
        ],
        "problems": [finding._asdict() for finding in report.problems],
        "notes": [finding._asdict() for finding in report.notes],
    }
