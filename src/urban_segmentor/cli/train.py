"""`urban-segmentor train`: a model of one's own, fine-tuned on a prepared data set."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from urban_segmentor.training.fit import TrainingResult

_WHAT, _HOW, _RUN = "Data and start", "Settings", "Run"
_RESUMABLE = ("device",)


def train(  # noqa: PLR0913 - one parameter an option
    data: Annotated[
        Path | None,
        typer.Option(help="Folder that `data prepare` made.", rich_help_panel=_WHAT),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another prepared folder whose train split is learnt from too; may be repeated.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="yolov8n-seg, yolov8s-seg, yolo11n-seg, yolo26n-seg ..., or the path of a .pt.",
            rich_help_panel=_WHAT,
        ),
    ] = "yolov8n-seg",
    trust: Annotated[
        bool,
        typer.Option(
            "--trust", help="Load whatever the .pt holds; it can run code.", rich_help_panel=_WHAT
        ),
    ] = False,
    recipe: Annotated[
        str,
        typer.Option(
            help="cityscapes, original, or a YAML file of settings.", rich_help_panel=_HOW
        ),
    ] = "cityscapes",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Any setting of Ultralytics or of ours: --set lr0=0.001; may be repeated.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data.", rich_help_panel=_HOW)
    ] = None,
    time: Annotated[
        float | None,
        typer.Option(help="Hours, in place of epochs.", rich_help_panel=_HOW),
    ] = None,
    imgsz: Annotated[
        int | None, typer.Option(help="Long side of the pictures, pixels.", rich_help_panel=_HOW)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Pictures in a batch.", rich_help_panel=_HOW)
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without getting better before it ends.", rich_help_panel=_HOW),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all chance.", rich_help_panel=_HOW)] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="cpu, 0, or 0,1 for two GPUs.", show_default="a GPU if any", rich_help_panel=_RUN
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Folder of a run that was stopped: go on.", rich_help_panel=_RUN),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the run.", rich_help_panel=_RUN)
    ] = Path("urban-out/train"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run.", rich_help_panel=_RUN)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_RUN)
    ] = False,
    verbose: Annotated[  # noqa: ARG001 - read by `main` before the parser
        bool, typer.Option("-v", "--verbose", help="Show tracebacks.", rich_help_panel=_RUN)
    ] = False,
) -> None:
    """Fine-tune a segmentation model, and export it for the light runtime.

    Needs the extra `train`. A run that was stopped or killed goes on with --resume.

    Examples:
        urban-segmentor train --data prepared --epochs 50

        urban-segmentor train --data prepared --model yolo11n-seg --imgsz 1024 --device 0,1

        urban-segmentor train --data prepared --set lr0=0.002 --set mosaic=0.5 --time 2

        urban-segmentor train --resume urban-out/train
    """
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.cli.interrupts import Interrupted
    from urban_segmentor.cli.training_progress import training_progress
    from urban_segmentor.training.export_best import export_best
    from urban_segmentor.training.fit import resume as go_on
    from urban_segmentor.training.fit import train as begin
    from urban_segmentor.training.recipes import load_recipe, parse_settings

    options = {
        "epochs": epochs,
        "time": time,
        "imgsz": imgsz,
        "batch": batch,
        "patience": patience,
        "seed": seed,
        "device": device,
    }
    chosen = {key: value for key, value in options.items() if value is not None}
    folder = resume.parent.parent if resume and resume.suffix == ".pt" else resume or output
    try:
        with training_progress(stderr()) as observer:
            if resume is not None:
                _check_resumption(chosen, others=bool(data or also or set_))
                trained = go_on(resume, settings=chosen, observer=observer)
            else:
                if data is None:
                    raise SettingError(
                        "what to learn from is not said", hint="--data FOLDER, of `data prepare`"
                    )
                settings = load_recipe(recipe) | parse_settings(set_ or ()) | chosen
                trained = begin(
                    data,
                    out=output,
                    model=model,
                    also=also or (),
                    settings=settings,
                    overwrite=overwrite,
                    trust=trust,
                    observer=observer,
                )
            exported = export_best(trained)
    except (Interrupted, KeyboardInterrupt):
        hint = f"go on with: urban-segmentor train --resume {shlex.quote(str(folder))}"
        raise Interrupted(hint=hint) from None
    _tell(trained, exported, as_json=as_json)


def _check_resumption(chosen: dict[str, Any], *, others: bool) -> None:
    changed = [key for key in chosen if key not in _RESUMABLE]
    if changed or others:
        raise SettingError(
            "a resumed run keeps its data and settings",
            hint="leave out all but --resume and --device; or begin a new run from its last.pt "
            "with --model",
        )


def _tell(trained: TrainingResult, exported: Path, *, as_json: bool) -> None:
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
    console.print(f"next: urban-segmentor val --data CITYSCAPES --model {shown}", soft_wrap=True)
