"""`urban-segmentor benchmark`: which format of a model is fastest here, and may be trusted."""

from __future__ import annotations

import json
import math
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from urban_segmentor.benchmark.accuracy import AccuracyScores
    from urban_segmentor.benchmark.images import BenchmarkImages
    from urban_segmentor.benchmark.models import BenchmarkModel
    from urban_segmentor.benchmark.plan import BenchmarkPlan
    from urban_segmentor.benchmark.results import BenchmarkRow
    from urban_segmentor.datasets.cityscapes.layout import CityscapesFrame

_RUN, _DATA, _WRITE = "What is measured", "Data", "Results"
_TOLERANCE_POINTS, _ROUNDS = 1.0, 5


def benchmark(  # noqa: PLR0913 - one parameter an option
    models: Annotated[
        list[str] | None,
        typer.Option(
            help="Embedded names and paths to .onnx or .xml, with commas.",
            show_default="all embedded ones",
            rich_help_panel=_RUN,
        ),
    ] = None,
    imgsz: Annotated[
        str | None,
        typer.Option(
            help="Long sides of the network input, pixels, with commas.",
            show_default="what each model was made for",
            rich_help_panel=_RUN,
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, gpu, npu, cuda or cuda:0.", rich_help_panel=_RUN)
    ] = "auto",
    rounds: Annotated[
        int, typer.Option(help="How often each has its turn.", rich_help_panel=_RUN)
    ] = _ROUNDS,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with gtFine and leftImg8bit, to measure accuracy on.",
            show_default="none, and speed on the drawn street",
            rich_help_panel=_DATA,
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which split.", rich_help_panel=_DATA)] = "val",
    limit: Annotated[
        int | None,
        typer.Option(help="Score only so many pictures, spread evenly.", rich_help_panel=_DATA),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(
            help="So many points of AP below float32 are still good.", rich_help_panel=_DATA
        ),
    ] = _TOLERANCE_POINTS,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the results.", rich_help_panel=_WRITE)
    ] = Path("urban-out/benchmark"),
    plot: Annotated[bool, typer.Option(help="Draw the figures.", rich_help_panel=_WRITE)] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results.", rich_help_panel=_WRITE)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_WRITE)
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show tracebacks.")] = False,  # noqa: ARG001 - read by `main` before the parser
) -> None:
    """Measure every format and precision of models on this machine, and recommend one.

    Examples:
        urban-segmentor benchmark

        urban-segmentor benchmark --models urban-n,best-int8.xml --data cityscapes

        urban-segmentor benchmark --imgsz 640,1024 --data cityscapes --limit 50
    """
    from urban_segmentor.benchmark.models import find_models
    from urban_segmentor.benchmark.plan import parse_sizes
    from urban_segmentor.benchmark.report import check_output_folder
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.cli.parsers import silence_decoders

    silence_decoders()
    wishes = _BenchmarkOptions(
        console=stderr(),
        device=device,
        rounds=rounds,
        tolerance_points=tolerance,
        output=output,
        plot=plot,
        overwrite=overwrite,
        as_json=as_json,
    )
    wishes.check()
    sizes = parse_sizes(imgsz)
    files, failed = _read_models(find_models(models))
    plan = wishes.plan(files, sizes)
    samples = _samples(data, split=split, limit=limit)
    check_output_folder(output, plot=plot, overwrite=overwrite)
    images = _images(samples, data=data, split=split)
    wishes.run(plan, failed, images=images, samples=samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BenchmarkOptions:
    """What the user wants, besides models and data."""

    console: Console
    device: str
    rounds: int
    tolerance_points: float
    output: Path
    plot: bool
    overwrite: bool
    as_json: bool

    def check(self) -> None:
        """Refuse numbers that make no sense."""
        if self.rounds < 1:
            raise SettingError(
                f"`rounds` is {self.rounds}, expected at least 1", hint=f"--rounds {_ROUNDS}"
            )
        if not (math.isfinite(self.tolerance_points) and self.tolerance_points >= 0):
            raise SettingError(
                f"`tolerance` is {self.tolerance_points}, expected points of AP from 0",
                hint=f"--tolerance {_TOLERANCE_POINTS:g}",
            )

    def plan(self, files: Sequence[BenchmarkModel], sizes: Sequence[int]) -> BenchmarkPlan:
        """Return what is to be measured."""
        from urban_segmentor.benchmark.plan import make_plan

        return make_plan(files, device=self.device, sizes=sizes)

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
        from urban_segmentor.benchmark.report import BenchmarkReport, summary, write_report
        from urban_segmentor.benchmark.verdict import recommend, verify
        from urban_segmentor.cli.benchmark_tables import tell
        from urban_segmentor.cli.interrupts import EXIT_CODE

        about = {"machine": _machine(), "images": self._about_images(images)}
        rows = [*self._speed(plan, images), *failed]
        scores = AccuracyScores(rows=rows) if samples is None else self._accuracy(rows, samples)
        verdicts = verify(scores.rows, tolerance_points=self.tolerance_points)
        outcome = BenchmarkReport(
            rows=scores.rows,
            verdicts=verdicts,
            recommendation=recommend(scores.rows, verdicts),
            skipped=plan.skipped,
        )
        scored = None if samples is None else {"source": images.source, "images": len(samples)}
        rest = {"data": scored, "tolerance_points": self.tolerance_points}
        kept = {"problems": list(scores.problems), "interrupted": scores.interrupted}
        found = summary(outcome, about | rest | kept)
        written = write_report(
            self.output, found, outcome, plot=self.plot, overwrite=self.overwrite
        )
        if self.as_json:
            typer.echo(json.dumps(found | {"written": [str(path) for path in written]}, indent=2))
        else:
            tell(self.console, found, written)
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
            "rounds": self.rounds,
        }

    def _speed(self, plan: BenchmarkPlan, images: BenchmarkImages) -> list[BenchmarkRow]:
        from urban_segmentor.benchmark.speed import measure_speed
        from urban_segmentor.cli.console import frame_progress

        candidates = plan.candidates
        with frame_progress(self.console) as bar:
            bar.start("loading and timing", len(candidates) * (1 + self.rounds))
            return measure_speed(
                candidates,
                images.images,
                rounds=self.rounds,
                device_is_required=self.device != "auto",
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


def _samples(
    data: Path | None, *, split: str, limit: int | None
) -> Sequence[CityscapesFrame] | None:
    """Return the frames that are scored, or None without data."""
    from urban_segmentor.benchmark.accuracy import check_scorable
    from urban_segmentor.datasets.cityscapes.layout import read_layout
    from urban_segmentor.evaluation.validation.validate import spread

    if data is None:
        if limit is not None:
            raise SettingError(
                "`--limit` counts pictures of `--data`, which is not given",
                hint=f"--data cityscapes --limit {limit}",
            )
        return None
    samples = spread(read_layout(data).of_split(split), limit)
    check_scorable(samples)
    return samples


def _images(
    samples: Sequence[CityscapesFrame] | None, *, data: Path | None, split: str
) -> BenchmarkImages:
    """Return the pictures on which speed is measured."""
    from urban_segmentor.benchmark.images import images_of_split, street_images

    if samples is None:
        return street_images()
    return images_of_split(samples, source=shlex.join([str(data), split]))


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
