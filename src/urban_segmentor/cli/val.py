"""`urban-segmentor val`: a model, or saved results of any tool, scored by the official rules."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urban_segmentor.cli.option_records import (
    DATASET,
    RESULTS,
    ConsoleOptions,
    with_options,
    without,
)
from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import AP_CONF, USUAL_CONFIG, ModelOptions, SegmenterConfig
from urban_segmentor.io.output_options import USUAL_FOLDER, OutputOptions
from urban_segmentor.models.registry import DEFAULT_MODEL
from urban_segmentor.options import like, option, parse_word_lists, required

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from urban_segmentor.datasets.dataset_classes import DatasetClasses
    from urban_segmentor.datasets.samples import Sample, SampleSet
    from urban_segmentor.evaluation.validation.predictors import Predictor
    from urban_segmentor.evaluation.validation.validate import ValidationRun
    from urban_segmentor.inference.segmenter import Segmenter

_DATA, _SAVED = "Data", "Saved predictions"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """On what is scored.

    Attributes:
        data: A data set, or the file that describes it.
        split: Which split; None for the only one, or `val` of several.
        limit: Only so many pictures, spread evenly; None for all.
    """

    data: Path = required(help=DATASET, panel=_DATA)
    split: str | None = option(None, help="Which split.", panel=_DATA, shown="val, or the only one")
    limit: int | None = option(None, help="Only so many pictures, spread evenly.", panel=_DATA)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredModel:
    """What differs from other runs of a model.

    Attributes:
        model: As in `ModelOptions`; None for the usual one, where no predictions are scored.
        conf: Lowest score, in [0, 1].
    """

    model: str | None = like(ModelOptions, "model", default=None, shown=DEFAULT_MODEL)
    conf: float = like(
        SegmenterConfig,
        "conf",
        default=AP_CONF,
        help="Lowest score, 0 to 1; AP wants weak ones too.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedOptions:
    """Predictions that are there already.

    Attributes:
        predictions: COCO JSON, or a folder in the official layout; None to run a model.
        annotations: COCO annotation file that says what the ids of a results list mean.
        resize: Scale masks to the size of the labels.
        partial: Score fewer pictures than the split has.
    """

    predictions: Path | None = option(
        None,
        help="Score these instead of running a model: COCO JSON, or a folder in the official "
        "layout.",
        panel=_SAVED,
    )
    annotations: Path | None = option(
        None,
        help="COCO annotation file that says what the ids of a results list mean.",
        panel=_SAVED,
    )
    resize: bool = option(
        default=False, help="Scale masks to the size of the labels.", panel=_SAVED
    )
    partial: bool = option(
        default=False, help="Score fewer pictures than the split has.", panel=_SAVED
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """What is written, and where.

    Attributes:
        folder: For the report.
        kinds: Predictions to keep at the size of the labels.
        worst: So many pictures in the gallery.
        overwrite: Replace results.
    """

    folder: Path = like(
        OutputOptions, "folder", default=USUAL_FOLDER / "val", help="Folder for the report."
    )
    kinds: tuple[str, ...] = option(
        (),
        help="Keep predictions at the size of the labels: any of coco,cityscapes,... as in "
        "predict.",
        panel=RESULTS,
        flags=("--save",),
        shown="none",
        parse=parse_word_lists,
        repeats=True,
    )
    worst: int = option(12, help="So many pictures in the gallery.", panel=RESULTS)
    overwrite: bool = like(OutputOptions, "overwrite")


@with_options
def val(  # noqa: PLR0913 - one parameter a record
    scored: SplitOptions,
    chosen: ScoredModel,
    model: Annotated[ModelOptions, without("model")],
    config: Annotated[SegmenterConfig, without("conf", "classes")],
    saved: SavedOptions,
    report: ReportOptions,
    console: ConsoleOptions,
) -> None:
    """Score a model by the official rules of Cityscapes, and as COCO does.

    Examples:
        urban-segmentor val --data cityscapes

        urban-segmentor val --data cityscapes --model best.onnx --imgsz 1024

        urban-segmentor val --data cityscapes --predictions theirs/coco.json
    """
    from urban_segmentor.cli.console import silence_decoders, stderr
    from urban_segmentor.datasets.open_dataset import open_dataset
    from urban_segmentor.datasets.samples import spread
    from urban_segmentor.evaluation.predictions import open_predictions
    from urban_segmentor.evaluation.validation.predictors import SavedPredictor

    if saved.predictions is not None and chosen.model is not None:
        raise SettingError(
            "`--model` and `--predictions` are two things to score", hint="give one of them"
        )
    silence_decoders()
    sample_set = open_dataset(scored.data)
    split = sample_set.usual_split if scored.split is None else scored.split
    in_split = sample_set.of_split(split)
    samples = spread(in_split, scored.limit)
    run = _Run(
        console=stderr(),
        sample_set=sample_set,
        about={
            "data": str(scored.data),
            "split": split,
            "images_in_split": len(in_split),
        },
        report=report,
        as_json=console.as_json,
    )
    if saved.predictions is not None:
        found = open_predictions(
            saved.predictions, annotations=saved.annotations, resize=saved.resize
        )
        predictor = SavedPredictor(found, classes=run.own_classes)
        samples = predictor.check_complete(samples, partial=saved.partial)
        about = {"predictions": str(saved.predictions), "kind": predictor.kind}
        run.score(samples, predictor, lambda _: about)
        return
    run.score_model(
        samples,
        replace(model, model=chosen.model or DEFAULT_MODEL),
        replace(config, conf=chosen.conf),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What a run needs besides what is scored."""

    console: Console
    sample_set: SampleSet
    about: dict[str, Any]
    report: ReportOptions
    as_json: bool

    @property
    def own_classes(self) -> DatasetClasses | None:
        """The classes of the labels; None for those of Cityscapes."""
        classes = self.sample_set.classes
        return None if classes.is_official else classes

    def score_model(
        self, samples: Sequence[Sample], model: ModelOptions, config: SegmenterConfig
    ) -> None:
        """Run a model, and score what it finds."""
        from urban_segmentor.cli.load_segmenter import load_segmenter
        from urban_segmentor.evaluation.validation.environment import about_latency, about_model
        from urban_segmentor.evaluation.validation.predictors import ModelPredictor

        segmenter = load_segmenter(replace(model, streams=os.cpu_count() or 1), config)
        self._tell_choice(segmenter)

        def about(outcome: ValidationRun) -> dict[str, Any]:
            # Latency is that of `predict`, which drops weak instances early.
            everyday = load_segmenter(model, replace(config, conf=USUAL_CONFIG.conf))
            frames = [frame.sample for frame in outcome.frames]
            return about_model(model.model, segmenter, outcome) | about_latency(everyday, frames)

        self.score(samples, ModelPredictor(segmenter, classes=self.own_classes), about)

    def _tell_choice(self, segmenter: Segmenter) -> None:
        """Say what runs the model."""
        choice = segmenter.selection
        self.console.print(f"{choice.runtime} on {choice.device}: {choice.reason}", style="dim")

    def score(
        self,
        samples: Sequence[Sample],
        predictor: Predictor,
        about: Callable[[ValidationRun], dict[str, Any]],
    ) -> None:
        """Score predictions, write the report, and print the figures."""
        from urban_segmentor.cli.console import frame_progress
        from urban_segmentor.evaluation.validation.environment import about_run
        from urban_segmentor.evaluation.validation.report import ReportFolder
        from urban_segmentor.evaluation.validation.scoring import check_match, scoring_for
        from urban_segmentor.evaluation.validation.summary import figures
        from urban_segmentor.evaluation.validation.validate import validate

        notes = check_match(predictor.class_names, self.sample_set.classes)
        folder = ReportFolder(
            self.report.folder,
            kinds=self.report.kinds,
            class_names=predictor.class_names,
            overwrite=self.report.overwrite,
        )
        with folder, frame_progress(self.console) as bar:
            bar.start("scoring", len(samples))
            outcome = validate(
                samples,
                predictor,
                scoring=scoring_for(self.sample_set.classes),
                on_frame=bar.advance,
                on_predicted=folder.keep,
            )
        outcome.problems += self.sample_set.set_problems
        summary = figures(outcome.evaluation) | self.about | about_run(outcome) | about(outcome)
        summary["notes"] = notes
        written = folder.write(
            summary, outcome, predictor, worst=self.report.worst, classes=self.own_classes
        )
        if self.as_json:
            paths = [str(path) for path in written]
            typer.echo(json.dumps(summary | {"written": paths}, indent=2))
        else:
            _print_summary(self.console, summary, written)
        for problem in outcome.problems:
            typer.secho(f"error: {problem}", fg="red", err=True)
        if outcome.problems:
            left_out = outcome.wanted - len(outcome.frames)
            self.console.print(
                f"{len(outcome.problems)} problems; {left_out} of {outcome.wanted} pictures are "
                "not scored",
                soft_wrap=True,
            )
            raise typer.Exit(1)


def _print_summary(console: Console, summary: dict[str, Any], written: list[Path]) -> None:
    """Print the figures, how they came about, and where the report is."""
    from urban_segmentor.cli.console import rich_table
    from urban_segmentor.evaluation.validation.summary import headline, tables

    for table in tables(summary):
        console.print(rich_table(table))
    for sentence in headline(summary):
        console.print(sentence, soft_wrap=True)
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)
