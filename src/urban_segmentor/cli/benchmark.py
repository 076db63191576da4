"""`urban-segmentor benchmark`: which format of a model is fastest here, and may be trusted."""

from __future__ import annotations

import json
import math
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from urban_segmentor.cli.option_records import RESULTS, ConsoleOptions, with_options
from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import ModelOptions
from urban_segmentor.io.output_options import USUAL_FOLDER, OutputOptions
from urban_segmentor.options import default_of, like, option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from urban_segmentor.benchmark.accuracy import AccuracyScores
    from urban_segmentor.benchmark.benchmark_images import BenchmarkImages
    from urban_segmentor.benchmark.models import BenchmarkModel
    from urban_segmentor.benchmark.plan import BenchmarkPlan
    from urban_segmentor.benchmark.results import BenchmarkRow
    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame

_RUN, _DATA = "What is measured", "Data"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedOptions:
    """What is measured, and how.

    Attributes:
        models: Embedded names and paths; empty for all embedded ones.
        imgsz: Long sides of the network input, pixels, with commas; None for what each model was
            made for.
        device: As in `ModelOptions`.
        rounds: How often each has its turn.

    Raises:
        SettingError: There are no rounds.
    """

    models: tuple[str, ...] = option(
        (),
        help="Embedded names and paths to .onnx or .xml, with commas.",
        panel=_RUN,
        shown="all embedded ones",
    )
    imgsz: str | None = option(
        None,
        help="Long sides of the network input, pixels, with commas.",
        panel=_RUN,
        shown="what each model was made for",
        parse=",".join,
        repeats=True,
    )
    device: str = like(ModelOptions, "device", panel=_RUN)
    rounds: int = option(5, help="How often each has its turn.", panel=_RUN, low=1)

    def __post_init__(self) -> None:
        """Check the rounds."""
        if self.rounds < 1:
            raise SettingError(
                f"`rounds` is {self.rounds}, expected at least 1",
                hint=f"--rounds {default_of(SpeedOptions, 'rounds')}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyOptions:
    """What accuracy is measured on, and how much of it may be lost.

    Attributes:
        data: Folder with `gtFine` and `leftImg8bit`; None to measure speed alone.
        split: Which split.
        limit: Only so many pictures, spread evenly; None for all.
        tolerance_points: So many points of AP below float32 are still good.

    Raises:
        SettingError: The tolerance is no number from 0, or there is a limit and nothing to limit.
    """

    data: Path | None = option(
        None,
        help="Folder with gtFine and leftImg8bit, to measure accuracy on.",
        panel=_DATA,
        shown="none, and speed on the drawn street",
    )
    split: str = option("val", help="Which split.", panel=_DATA)
    limit: int | None = option(
        None, help="Score only so many pictures, spread evenly.", panel=_DATA
    )
    tolerance_points: float = option(
        1.0,
        help="So many points of AP below float32 are still good.",
        panel=_DATA,
        flags=("--tolerance",),
        low=0,
    )

    def __post_init__(self) -> None:
        """Check the tolerance, and that there is something to limit."""
        if not (math.isfinite(self.tolerance_points) and self.tolerance_points >= 0):
            raise SettingError(
                f"`tolerance` is {self.tolerance_points}, expected points of AP from 0",
                hint=f"--tolerance {default_of(AccuracyOptions, 'tolerance_points'):g}",
            )
        if self.data is None and self.limit is not None:
            raise SettingError(
                "`--limit` counts pictures of `--data`, which is not given",
                hint=f"--data cityscapes --limit {self.limit}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOptions:
    """What is written, and where.

    Attributes:
        folder: For the results.
        plot: Draw the figures, and make a page of them.
        overwrite: Replace results.
    """

    folder: Path = like(OutputOptions, "folder", default=USUAL_FOLDER / "benchmark")
    plot: bool = option(
        default=True, help="Draw the figures, and make a page of them.", panel=RESULTS
    )
    overwrite: bool = like(OutputOptions, "overwrite")


@with_options
def benchmark(
    speed: SpeedOptions, accuracy: AccuracyOptions, output: TableOptions, console: ConsoleOptions
) -> None:
    """Measure every format and precision of models on this machine, and recommend one.

    Examples:
        urban-segmentor benchmark

        urban-segmentor benchmark --models urban-n,best-int8.xml --data cityscapes

        urban-segmentor benchmark --imgsz 640,1024 --data cityscapes --limit 50
    """
    from urban_segmentor.benchmark.models import find_models
    from urban_segmentor.benchmark.plan import make_plan, parse_sizes
    from urban_segmentor.benchmark.report import check_output_folder
    from urban_segmentor.cli.console import silence_decoders, stderr

    silence_decoders()
    sizes = parse_sizes(speed.imgsz)
    files, failed = _read_models(find_models(list(speed.models) or None))
    plan = make_plan(files, device=speed.device, sizes=sizes)
    samples = _samples(accuracy)
    check_output_folder(output.folder, plot=output.plot, overwrite=output.overwrite)
    run = _Benchmark(
        console=stderr(), speed=speed, accuracy=accuracy, output=output, as_json=console.as_json
    )
    run.run(plan, failed, images=_images(samples, accuracy), samples=samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Benchmark:
    """What the user wants, besides models and data."""

    console: Console
    speed: SpeedOptions
    accuracy: AccuracyOptions
    output: TableOptions
    as_json: bool

    def run(
        self,
        plan: BenchmarkPlan,
        failed: Sequence[BenchmarkRow],
        *,
        images: BenchmarkImages,
        samples: Sequence[CityscapesFrame] | None,
    ) -> None:
        """Measure, write the results, and print them."""
        from urban_segmentor.benchmark.accuracy import AccuracyScores
        from urban_segmentor.benchmark.report import BenchmarkReport, as_json, write_report
        from urban_segmentor.benchmark.verdict import recommend, verify
        from urban_segmentor.cli.interrupts import EXIT_CODE

        about = {"machine": _machine(), "images": self._about_images(images)}
        rows = [*self._speed(plan, images), *failed]
        scores = AccuracyScores(rows=rows) if samples is None else self._accuracy(rows, samples)
        verdicts = verify(scores.rows, tolerance_points=self.accuracy.tolerance_points)
        outcome = BenchmarkReport(
            rows=scores.rows,
            verdicts=verdicts,
            recommendation=recommend(scores.rows, verdicts),
            skipped=plan.skipped,
        )
        scored = None if samples is None else {"source": images.source, "images": len(samples)}
        rest = {"data": scored, "tolerance_points": self.accuracy.tolerance_points}
        kept = {"problems": list(scores.problems), "interrupted": scores.interrupted}
        found = as_json(outcome, about | rest | kept)
        written = write_report(
            self.output.folder,
            found,
            outcome,
            plot=self.output.plot,
            overwrite=self.output.overwrite,
        )
        if self.as_json:
            typer.echo(json.dumps(found | {"written": [str(path) for path in written]}, indent=2))
        else:
            _print_summary(self.console, found, written)
        errors = [f"{row.model}: {row.error}" for row in scores.rows if row.error]
        for line in (*errors, *scores.problems):
            typer.secho(f"error: {line}", fg="red", err=True)
        if scores.interrupted:
            raise typer.Exit(EXIT_CODE)
        if errors or scores.problems:
            raise typer.Exit(1)

    def _about_images(self, images: BenchmarkImages) -> dict[str, Any]:
        return {
            "source": images.source,
            "count": len(images.images),
            "sizes": list(images.sizes),
            "rounds": self.speed.rounds,
        }

    def _speed(self, plan: BenchmarkPlan, images: BenchmarkImages) -> list[BenchmarkRow]:
        from urban_segmentor.benchmark.speed import measure_speed
        from urban_segmentor.cli.console import frame_progress

        candidates = plan.candidates
        with frame_progress(self.console) as bar:
            bar.start("loading and timing", len(candidates) * (1 + self.speed.rounds))
            return measure_speed(
                candidates,
                images.images,
                rounds=self.speed.rounds,
                device_is_required=self.speed.device != "auto",
                on_turn=bar.advance,
            )

    def _accuracy(
        self, rows: Sequence[BenchmarkRow], samples: Sequence[CityscapesFrame]
    ) -> AccuracyScores:
        from threading import Event

        from urban_segmentor.benchmark.accuracy import measure_accuracy
        from urban_segmentor.cli.console import frame_progress
        from urban_segmentor.cli.interrupts import stop_on_signals

        stop = Event()
        total = sum(row.speed is not None for row in rows)
        numbers = iter(range(1, total + 1))
        with stop_on_signals(stop.set), frame_progress(self.console) as bar:
            return measure_accuracy(
                rows,
                samples,
                on_candidate=lambda one: bar.start(
                    f"scoring {next(numbers)} of {total}: {one.label}", len(samples)
                ),
                on_frame=bar.advance,
                should_stop=stop.is_set,
            )


def _print_summary(console: Console, found: Mapping[str, Any], written: Sequence[Path]) -> None:
    """Print tables, what is recommended, and where the results are."""
    from urban_segmentor.benchmark import summary
    from urban_segmentor.cli.console import rich_table

    console.print(summary.measured_on(found), soft_wrap=True)
    for table in summary.tables(found):
        console.print(rich_table(table))
    for line in summary.left_out(found):
        console.print(f"left out: {line}", style="dim", soft_wrap=True)
    for line in summary.warnings(found):
        console.print(line, style="yellow", soft_wrap=True)
    for advice in summary.advice(found):
        console.print(advice.text, style="bold" if advice.command else "yellow", soft_wrap=True)
        if advice.command:
            console.print(f"  {advice.command}", soft_wrap=True)
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)


def _read_models(found: dict[str, Path]) -> tuple[list[BenchmarkModel], list[BenchmarkRow]]:
    """Return the models that can be read, and a row for each that cannot."""
    from urban_segmentor.benchmark.models import read_model
    from urban_segmentor.benchmark.results import BenchmarkRow
    from urban_segmentor.errors import ModelError

    files: list[BenchmarkModel] = []
    failed: list[BenchmarkRow] = []
    for name, path in found.items():
        try:
            files.append(read_model(name, path))
        except ModelError as error:
            failed.append(BenchmarkRow(model=name, error=str(error)))
    return files, failed


def _samples(accuracy: AccuracyOptions) -> Sequence[CityscapesFrame] | None:
    """Return the frames that are scored, or None without data."""
    from urban_segmentor.benchmark.accuracy import check_scorable
    from urban_segmentor.datasets.cityscapes.layout import read_layout
    from urban_segmentor.datasets.samples import spread

    if accuracy.data is None:
        return None
    samples = spread(read_layout(accuracy.data).of_split(accuracy.split), accuracy.limit)
    check_scorable(samples)
    return samples


def _images(
    samples: Sequence[CityscapesFrame] | None, accuracy: AccuracyOptions
) -> BenchmarkImages:
    """Return the pictures on which speed is measured."""
    from urban_segmentor.benchmark.benchmark_images import images_of_split, street_images

    if samples is None:
        return street_images()
    return images_of_split(samples, source=shlex.join([str(accuracy.data), accuracy.split]))


def _machine() -> dict[str, Any]:
    """Return what the figures hold for."""
    from urban_segmentor.cli.info import collect

    facts: dict[str, Any] = {key: value for key, value in collect().items() if key != "models"}
    seen = [text for text in facts["openvino_sees"] if text.startswith("CPU (")]
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {
        "cpu": seen[0].removeprefix("CPU (").removesuffix(")") if seen else "unknown",
        **facts,
        "cores": os.cpu_count(),
        "load_before": load,
    }
