"""`urban-segmentor val`: a model, or saved results of any tool, scored by the official rules."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial as bound
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urban_segmentor.cli import shared_options as declared
from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from rich.table import Table

    from urban_segmentor.datasets.cityscapes.layout import CityscapesFrame
    from urban_segmentor.evaluation.validation.predictors import Predictor, SavedPredictor
    from urban_segmentor.evaluation.validation.validate import Validation
    from urban_segmentor.inference.segmenter import Segmenter

_DEFAULT_MODEL = "urban-n"
_EVERYDAY_CONF = 0.25  # latency is that of `predict`, which drops weak instances early
_WHAT, _RUN, _SAVED, _WRITE = "Data", "Model", "Saved predictions", "Results"


def val(  # noqa: PLR0913 - one parameter an option
    data: Annotated[
        Path, typer.Option(help="Folder with gtFine and leftImg8bit.", rich_help_panel=_WHAT)
    ],
    split: Annotated[str, typer.Option(help="Which split.", rich_help_panel=_WHAT)] = "val",
    limit: Annotated[
        int | None,
        typer.Option(help="Only so many pictures, spread evenly.", rich_help_panel=_WHAT),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"Embedded name, path to .onnx or .xml, or hf://...; default {_DEFAULT_MODEL}.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    device: declared.Device = "auto",
    runtime: declared.Runtime = "auto",
    precision: declared.Precision = "auto",
    imgsz: declared.Imgsz = None,
    conf: Annotated[
        float, typer.Option(help="Lowest score; AP wants weak ones too.", rich_help_panel=_RUN)
    ] = 0.001,
    iou: declared.Iou = 0.7,
    max_det: declared.MaxDet = 300,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Score these instead of running a model: COCO JSON, or a folder in the official "
            "layout.",
            rich_help_panel=_SAVED,
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            help="COCO annotation file that says what the ids of a results list mean.",
            rich_help_panel=_SAVED,
        ),
    ] = None,
    resize: Annotated[
        bool,
        typer.Option(
            "--resize", help="Scale masks to the size of the labels.", rich_help_panel=_SAVED
        ),
    ] = False,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Score fewer pictures than the split has.", rich_help_panel=_SAVED
        ),
    ] = False,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the report.", rich_help_panel=_WRITE)
    ] = Path("urban-out/val"),
    save: Annotated[
        str,
        typer.Option(
            help="Keep predictions at the size of the labels: any of coco,cityscapes,... as in "
            "predict.",
            rich_help_panel=_WRITE,
        ),
    ] = "",
    worst: Annotated[
        int, typer.Option(help="So many pictures in the gallery.", rich_help_panel=_WRITE)
    ] = 12,
    overwrite: declared.Overwrite = False,
    as_json: declared.AsJson = False,
    verbose: declared.Verbose = False,  # noqa: ARG001 - read by `main` before the parser
) -> None:
    """Score a model by the official rules of Cityscapes, and as COCO does.

    Examples:
        urban-segmentor val --data cityscapes

        urban-segmentor val --data cityscapes --model best.onnx --imgsz 1024

        urban-segmentor val --data cityscapes --predictions theirs/coco.json
    """
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.cli.parsers import one_of, parse_imgsz, silence_decoders
    from urban_segmentor.datasets.cityscapes.layout import read_layout
    from urban_segmentor.evaluation.validation.environment import about_latency, about_model
    from urban_segmentor.evaluation.validation.predictors import ModelPredictor
    from urban_segmentor.evaluation.validation.validate import spread
    from urban_segmentor.inference.segmenter import Segmenter

    if predictions is not None and model is not None:
        raise SettingError(
            "`--model` and `--predictions` are two things to score", hint="give one of them"
        )
    silence_decoders()
    in_split = read_layout(data).of_split(split)
    samples = spread(in_split, limit)
    run = _Run(
        console=stderr(),
        about={"data": str(data), "split": split, "images_in_split": len(in_split)},
        output=output,
        save=save,
        worst=worst,
        overwrite=overwrite,
        as_json=as_json,
    )
    if predictions is not None:
        predictor = _saved(predictions, annotations=annotations, resize=resize)
        samples = predictor.check_complete(samples, partial=partial)
        about = {"predictions": str(predictions), "kind": predictor.kind}
        run.score(samples, predictor, lambda _: about)
        return
    load = bound(
        Segmenter,
        model or _DEFAULT_MODEL,
        device=device,
        runtime=one_of("runtime", runtime, ("auto", "openvino", "onnx")),
        precision=one_of("precision", precision, ("auto", "f32")),
        imgsz=parse_imgsz(imgsz),
        iou=iou,
        max_det=max_det,
    )
    segmenter = load(conf=conf, streams=os.cpu_count() or 1)
    run.tell_choice(segmenter)

    def about_it(outcome: Validation) -> dict[str, Any]:
        everyday = load(conf=_EVERYDAY_CONF, streams=1)
        scored = [frame.sample for frame in outcome.frames]
        about = about_model(model or _DEFAULT_MODEL, segmenter, outcome)
        return about | about_latency(everyday, scored)

    run.score(samples, ModelPredictor(segmenter), about_it)


def _saved(path: Path, *, annotations: Path | None, resize: bool) -> SavedPredictor:
    from urban_segmentor.evaluation.predictions import open_predictions
    from urban_segmentor.evaluation.validation.predictors import SavedPredictor

    return SavedPredictor(open_predictions(path, annotations=annotations, resize=resize))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What a run needs besides what is scored."""

    console: Console
    about: dict[str, Any]
    output: Path
    save: str
    worst: int
    overwrite: bool
    as_json: bool

    def tell_choice(self, segmenter: Segmenter) -> None:
        """Say what runs the model."""
        choice = segmenter.selection
        self.console.print(f"{choice.runtime} on {choice.device}: {choice.reason}", style="dim")

    def score(
        self,
        samples: Sequence[CityscapesFrame],
        predictor: Predictor,
        about: Callable[[Validation], dict[str, Any]],
    ) -> None:
        """Score predictions, write the report, and print the figures."""
        from urban_segmentor.cli.console import frame_progress
        from urban_segmentor.evaluation.validation.environment import about_run
        from urban_segmentor.evaluation.validation.report import ReportFolder
        from urban_segmentor.evaluation.validation.summary import figures
        from urban_segmentor.evaluation.validation.validate import validate
        from urban_segmentor.predict import parse_kinds

        folder = ReportFolder(
            self.output,
            kinds=parse_kinds(self.save),
            class_names=predictor.class_names,
            overwrite=self.overwrite,
        )
        with folder, frame_progress(self.console) as bar:
            bar.start("scoring", len(samples))
            outcome = validate(samples, predictor, on_frame=bar.advance, on_predicted=folder.keep)
        summary = figures(outcome.evaluation) | self.about | about_run(outcome) | about(outcome)
        written = folder.write(summary, outcome, predictor, worst=self.worst)
        if self.as_json:
            paths = [str(path) for path in written]
            typer.echo(json.dumps(summary | {"written": paths}, indent=2))
        else:
            _tell(self.console, summary, written)
        for problem in outcome.problems:
            typer.secho(f"error: {problem}", fg="red", err=True)
        if outcome.problems:
            raise typer.Exit(1)


def _tell(console: Console, summary: dict[str, Any], written: list[Path]) -> None:
    """Print the figures, how they came about, and where the report is."""
    from urban_segmentor.cli.console import stage_table
    from urban_segmentor.evaluation.validation.summary import headline, table_rows

    for table in table_rows(summary):
        console.print(_table(*table))
    for sentence in headline(summary):
        console.print(sentence, soft_wrap=True)
    if "latency" in summary:
        console.print(stage_table(summary["latency"]["stages"]))
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for i, name in enumerate(head):
        table.add_column(name, justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table
