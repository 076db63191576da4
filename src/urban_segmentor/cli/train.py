"""`urban-segmentor train`: a model of one's own, fine-tuned on a data set."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from urban_segmentor.cli.option_records import RESULTS, ConsoleOptions, with_options
from urban_segmentor.errors import SettingError
from urban_segmentor.io.output_options import USUAL_FOLDER
from urban_segmentor.options import option, options_of

if TYPE_CHECKING:
    from urban_segmentor.training.callbacks import TrainingObserver
    from urban_segmentor.training.run_folder import TrainingResult

_WHAT, _HOW, _RUN = "Data and start", "Settings", "Run"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What is learnt from, and where the run is kept.

    Attributes:
        data: A data set with the splits `train` and `val`.
        also: Further ones, whose split `train` is learnt from too.
        task: Instances alone, or things and surfaces.
        model: A checkpoint, or a name such as `yolov8n-seg`.
        trust: Load whatever the checkpoint holds, which can run any code.
        resume: Folder of a run that was stopped, to go on with.
        output: Folder for the run.
        overwrite: Replace an earlier run.
    """

    data: Path | None = option(
        None,
        help="What `data prepare` made, a folder in YOLO's format or its data.yaml, or one as COCO "
        "has it.",
        panel=_WHAT,
    )
    also: tuple[Path, ...] = option(
        (),
        help="Another data set whose train split is learnt from too; may be repeated.",
        panel=_WHAT,
    )
    task: Literal["auto", "instance", "panoptic"] = option(
        "auto",
        help="panoptic: one network for things and surfaces. instance: masks of objects alone.",
        panel=_WHAT,
        shown="panoptic where the data has surfaces",
    )
    model: str = option(
        "yolov8n-seg",
        help="yolov8n-seg, yolov8s-seg, yolo11n-seg, yolo26n-seg ..., or the path of a .pt.",
        panel=_WHAT,
    )
    trust: bool = option(
        default=False, help="Load whatever the .pt holds; it can run code.", panel=_WHAT
    )
    resume: Path | None = option(None, help="Folder of a run that was stopped: go on.", panel=_RUN)
    output: Path = option(
        USUAL_FOLDER / "train",
        help="Folder for the run.",
        panel=RESULTS,
        flags=("-o", "--output"),
    )
    overwrite: bool = option(default=False, help="Replace an earlier run.", panel=RESULTS)

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        if self.resume is None:
            return self.output
        return self.resume.parent.parent if self.resume.suffix == ".pt" else self.resume


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeOptions:
    """Where the settings come from.

    Attributes:
        recipe: `cityscapes`, `original`, `panoptic`, or a YAML file of settings; None for the one
            of the task.
        assignments: Further settings, each `name=value`.
    """

    recipe: str | None = option(
        None,
        help="cityscapes, original, panoptic, or a YAML file of settings.",
        panel=_HOW,
        shown="panoptic for that task, else cityscapes",
    )
    assignments: tuple[str, ...] = option(
        (),
        help="Any other setting, of Ultralytics or of a panoptic training: --set lr=0.001; may be "
        "repeated.",
        panel=_HOW,
        flags=("--set",),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingOptions:
    """The settings that have options of their own; None for those of the recipe.

    Attributes:
        epochs: Passes over the data.
        minutes: Of training, in place of epochs.
        imgsz: Long side of the pictures, pixels.
        batch: Pictures in a batch.
        patience: Epochs without getting better before it ends.
        seed: Of all chance.
        device: `cpu`, `0`, or `0,1`.
    """

    epochs: int | None = option(None, help="Passes over the data.", panel=_HOW)
    minutes: float | None = option(
        None, help="Minutes of training, in place of epochs.", panel=_HOW
    )
    imgsz: int | None = option(None, help="Long side of the pictures, pixels.", panel=_HOW)
    batch: int | None = option(None, help="Pictures in a batch.", panel=_HOW)
    patience: int | None = option(
        None, help="Epochs without getting better before it ends.", panel=_HOW
    )
    seed: int | None = option(None, help="Of all chance.", panel=_HOW)
    device: str | None = option(
        None,
        help="cpu, 0, or 0,1 for two GPUs.",
        panel=_RUN,
        shown="a GPU if any",
        parse=",".join,
        repeats=True,
    )

    def chosen(self) -> dict[str, Any]:
        """Return the settings that were given, by name as `train` takes them."""
        values = {name: getattr(self, name) for name in options_of(SettingOptions)}
        return {name: value for name, value in values.items() if value is not None}


@with_options
def train(
    wanted: TrainOptions, recipe: RecipeOptions, settings: SettingOptions, console: ConsoleOptions
) -> None:
    """Fine-tune a segmentation model, and export it for the light runtime.

    Needs the extra `train`. A run that was stopped or killed goes on with --resume.

    Examples:
        urban-segmentor train --data prepared --epochs 50

        urban-segmentor train --data prepared --model yolo11n-seg --imgsz 1024 --device 0,1

        urban-segmentor train --data potholes/data.yaml --epochs 100

        urban-segmentor train --data cityscapes --minutes 600 --set batch=16

        urban-segmentor train --resume urban-out/train
    """
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.cli.interrupts import Interrupted
    from urban_segmentor.cli.training_progress import training_progress
    from urban_segmentor.training.export_best import export_best

    try:
        with training_progress(stderr()) as observer:
            trained = _run(wanted, recipe, settings.chosen(), observer)
            exported = export_best(trained)
    except (Interrupted, KeyboardInterrupt):
        hint = f"go on with: urban-segmentor train --resume {shlex.quote(str(wanted.folder))}"
        raise Interrupted(hint=hint) from None
    _print_summary(trained, exported, as_json=console.as_json)


def _run(
    wanted: TrainOptions, recipe: RecipeOptions, chosen: dict[str, Any], observer: TrainingObserver
) -> TrainingResult:
    """Begin a training, or go on with one."""
    from urban_segmentor.training.fit import kept_settings, resume, task_for, train
    from urban_segmentor.training.recipes import load_recipe, parse_settings

    if wanted.resume is not None:
        if wanted.data or wanted.also or recipe.assignments or recipe.recipe:
            raise kept_settings()
        return resume(wanted.resume, settings=chosen, observer=observer)
    if wanted.data is None:
        raise SettingError(
            "what to learn from is not said", hint="--data FOLDER, as YOLO or COCO has it"
        )
    task = task_for(wanted.data, wanted.task)
    usual = "panoptic" if task == "panoptic" else "cityscapes"
    given = load_recipe(recipe.recipe or usual) | parse_settings(recipe.assignments)
    return train(
        wanted.data,
        out=wanted.output,
        model=wanted.model,
        also=wanted.also,
        settings=given | chosen,
        task=task,
        overwrite=wanted.overwrite,
        trust=wanted.trust,
        observer=observer,
    )


def _print_summary(trained: TrainingResult, exported: Path, *, as_json: bool) -> None:
    """Say what came out, and what is where."""
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.training.export_best import format_epochs

    console = stderr()
    root = trained.folder.root
    written = [
        exported,
        trained.best,
        *(root / name for name in ("curves.png", "results.csv", "run.json")),
    ]
    if as_json:
        content = {
            "out": str(root),
            "epochs": trained.epochs,
            "epochs_wanted": trained.max_epochs,
            "framework_metrics": trained.metrics,
            "written": [str(path) for path in written],
        }
        typer.echo(json.dumps(content, indent=2))
    early = (
        ""
        if trained.epochs >= trained.max_epochs
        else f" of {trained.max_epochs}, it got no better"
    )
    console.print(f"{format_epochs(trained.epochs)}{early}")
    for path in written:
        console.print(f"result: {path}", style="bold green", soft_wrap=True)
    shown = shlex.quote(str(exported))
    data = shlex.quote(trained.folder.read()["data"][0])
    console.print(f"next: urban-segmentor val --data {data} --model {shown}", soft_wrap=True)
