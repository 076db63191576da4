"""Training: fine-tune a checkpoint, and resume a run that was stopped or killed."""

from __future__ import annotations

import difflib
import errno
import json
import os
from contextlib import nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.errors import (
    DatasetError,
    ModelError,
    OutputError,
    SettingError,
    UrbanSegmentorError,
)
from urban_segmentor.exporters.checkpoint import load_yolo, safe_loading
from urban_segmentor.exporters.ultralytics_env import quiet_ultralytics, require_modules
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.training.callbacks import TrainerCallbacks, TrainingObserver
from urban_segmentor.training.panoptic.settings import PanopticSettings
from urban_segmentor.training.panoptic.training_frames import has_surfaces
from urban_segmentor.training.pretrained import find_pretrained
from urban_segmentor.training.recipes import OWN_SETTINGS
from urban_segmentor.training.run_folder import (
    CONVERTED,
    DATA,
    RUN,
    RunFolder,
    TrainingResult,
    open_run,
)
from urban_segmentor.training.training_data import (
    TrainingData,
    read_training_data,
    repeat_factor_sample,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Task: TypeAlias = Literal["auto", "instance", "panoptic"]
"""What is trained."""

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MAX_IMGSZ = 8192
_FIRST_THING = "person"  # stuff is in almost every picture; only things are rare


def task_for(data: Path, task: Task = "auto") -> Literal["instance", "panoptic"]:
    """Return what is trained on a data set: both things and surfaces where it has both.

    Args:
        data: The data set.
        task: What is asked for.

    Raises:
        DatasetError: It cannot be opened.
    """
    if task != "auto":
        return task
    if not data.exists():
        raise DatasetError(f"there is no folder `{data}`", hint="check the spelling of --data")
    return "panoptic" if has_surfaces(open_dataset(data)) else "instance"


def train(  # noqa: PLR0913 -- all have their names
    data: Path,
    *,
    out: Path,
    model: str,
    also: Sequence[Path] = (),
    settings: dict[str, Any],
    overwrite: bool,
    trust: bool,
    task: Task = "instance",
    observer: TrainingObserver | None = None,
) -> TrainingResult:
    """Fine-tune a model on a data set, and return the result.

    Args:
        data: A data set with the splits `train` and `val`: what `data prepare` made, or one in
            the format of YOLO or COCO; for a panoptic network Cityscapes as it comes as well.
        out: Folder for the run.
        model: A checkpoint, or a name such as `yolov8n-seg`.
        also: More data sets, whose split `train` is added.
        settings: Settings of a recipe: Ultralytics', and our own of `docs/training.md`.
        overwrite: True when an earlier run in the folder may be replaced.
        trust: True to load any pickled class, which can run any code.
        task: `instance` for masks of objects alone, `panoptic` for things and surfaces, `auto`
            for the latter where the data set has both; it says what `settings` may hold.
        observer: Called after each batch and epoch; None for no reports.

    Raises:
        DatasetError: The data set is incomplete or damaged.
        ModelError: The checkpoint is missing, is no segmentation model, or cannot be downloaded.
        SettingError: Ultralytics does not know a setting, or not such a value.
        OutputError: The folder is not empty, or the disk is full.
        MissingExtraError: The extra `train` is not installed.
    """
    require_modules("torch", "ultralytics")
    if task_for(data, task) == "panoptic":
        from urban_segmentor.training.panoptic.fit import train_panoptic

        return train_panoptic(
            data,
            folder=RunFolder(out),
            model=model,
            also=also,
            settings=PanopticSettings.parsed(settings),
            overwrite=overwrite,
            trust=trust,
            observer=observer,
        )
    training_data = read_training_data(data, also=also, work=out / CONVERTED)
    checkpoint = find_pretrained(model)
    load_yolo(checkpoint, trust=trust)
    own = {key: settings[key] for key in OWN_SETTINGS if key in settings}
    overrides = _in_hours(
        {key: value for key, value in settings.items() if key not in OWN_SETTINGS}
    )
    overrides = {"seed": 0, **overrides, "model": str(checkpoint.resolve())}
    _check_settings(overrides)
    folder = RunFolder(out)
    folder.create(
        training_data=training_data,
        images=_train_images(training_data, own, seed=int(overrides["seed"])),
        settings=overrides,
        own_settings=own,
        overwrite=overwrite,
    )
    return _run(folder, overrides, plain=bool(own.get("plain")), observer=observer)


def resume(
    path: Path, *, settings: dict[str, Any] | None = None, observer: TrainingObserver | None = None
) -> TrainingResult:
    """Resume a training that was stopped or killed, and return its result.

    Args:
        path: The folder of the run, or its last checkpoint.
        settings: Settings that replace those of the run: `device`, and of a panoptic one also
            `epochs` and `minutes`.
        observer: Called after each batch and epoch; None for no reports.

    Raises:
        As `train`, and SettingError when there is no run to resume.
    """
    require_modules("torch", "ultralytics")
    folder = open_run(path)
    record = folder.read()
    is_panoptic = record.get("task") == "panoptic"
    if set(settings or {}) - {"device", *(("epochs", "minutes") if is_panoptic else ())}:
        raise kept_settings()
    if "finished" in record:
        return _result(folder, record["finished"])
    if is_panoptic:
        from urban_segmentor.training.panoptic.fit import resume_panoptic

        return resume_panoptic(folder, changes=settings or {}, observer=observer)
    folder.check_data()
    folder.update_data_path()
    overrides: dict[str, Any] = record["settings"] | (settings or {})
    if not folder.last.is_file():
        folder.drop_rows_after(0)
    else:
        checkpoint = load_yolo(folder.last)
        max_epochs = int(checkpoint.train_args["epochs"])
        done = int(checkpoint.model.ckpt["epoch"]) + 1
        if done in {0, max_epochs}:  # only the model is left of a checkpoint that says 0
            _strip(folder)
            return _finish(folder, max_epochs=max_epochs)
        folder.drop_rows_after(done)
        overrides["resume"] = str(folder.last)
    plain = bool(record["own_settings"].get("plain"))
    return _run(folder, overrides, plain=plain, observer=observer)


def kept_settings() -> SettingError:
    """Return the error for a resumed run that is to change what it keeps."""
    return SettingError(
        "a resumed run keeps its data and settings",
        hint="leave out all but --resume and --device, or the length of a panoptic run; or begin a "
        "new run from its last.pt with --model",
    )


def _train_images(training_data: TrainingData, own: dict[str, Any], *, seed: int) -> list[Path]:
    names = training_data.names
    first = names.index(_FIRST_THING) if _FIRST_THING in names else 0
    return repeat_factor_sample(
        training_data.train, threshold=own.get("repeat") or 0.0, first_class_id=first, seed=seed
    )


def _run(
    folder: RunFolder, settings: dict[str, Any], *, plain: bool, observer: TrainingObserver | None
) -> TrainingResult:
    from urban_segmentor.training.trainer import (
        CrashSafeTrainer,
        StreetTrainer,
    )

    root = folder.root.resolve()
    run_settings = {
        "data": str(root / DATA),
        "project": str(root.parent),
        "name": root.name,
        "exist_ok": True,
        "save_dir": str(root),
    }
    several_gpus = len(str(settings.get("device", "")).split(",")) > 1
    if several_gpus:
        os.environ["YOLO_VERBOSE"] = (
            "True"  # for the processes of the GPUs, which report for themselves
        )
    with folder.lock(), safe_loading(), nullcontext() if several_gpus else quiet_ultralytics():
        try:
            trainer: Any = (CrashSafeTrainer if plain else StreetTrainer)(
                overrides=settings | run_settings
            )
            if not several_gpus:  # the processes of several GPUs report for themselves
                TrainerCallbacks(folder, observer).attach(trainer)
            trainer.train()
        except UrbanSegmentorError:
            raise
        except Exception as error:
            raise _with_hint(error, folder) from error
    return _finish(folder, max_epochs=int(trainer.epochs))


def _strip(folder: RunFolder) -> None:
    """Strip the optimizer state from the checkpoints, as a run does at its end."""
    strip: Any = import_module("ultralytics.utils.torch_utils").strip_optimizer
    with safe_loading(), quiet_ultralytics():
        for path in (folder.last, folder.best):
            if path.is_file():
                strip(path)


def _finish(folder: RunFolder, *, max_epochs: int) -> TrainingResult:
    """Record the end of the run, and return the result."""
    rows = folder.rows()
    folder.write_curves()
    key = "metrics/mAP50-95(M)"
    top = max(rows, key=lambda row: row.get(key, 0.0)) if rows else {}
    outcome = {
        "epochs": int(rows[-1]["epoch"]) if rows else 0,
        "max_epochs": max_epochs,
        "metrics": {name: value for name, value in top.items() if name.startswith("metrics/")},
    }
    record: dict[str, Any] = folder.read() | {"finished": outcome}
    write_atomically(folder.root / RUN, json.dumps(record, indent=2).encode(), overwrite=True)
    return _result(folder, outcome)


def _result(folder: RunFolder, outcome: dict[str, Any]) -> TrainingResult:
    best = folder.best if folder.best.is_file() else folder.last
    return TrainingResult(folder=folder, best=best, **outcome)


def _in_hours(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as Ultralytics has them, whose `time` is in hours."""
    others = {key: value for key, value in settings.items() if key != "minutes"}
    return others | ({"time": settings["minutes"] / 60} if "minutes" in settings else {})


def _check_settings(settings: dict[str, Any]) -> None:
    """Check settings by Ultralytics' own rules, before a folder is made."""
    known: dict[str, Any] = import_module("ultralytics.utils").DEFAULT_CFG_DICT
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(key, [*known, *OWN_SETTINGS], n=1)
            raise SettingError(
                f"`{key}` is no setting of a training",
                hint=f"did you mean `{near[0]}`?" if near else "yolo cfg lists them",
            )
    try:
        import_module("ultralytics.cfg").get_cfg(overrides=settings)
    except (TypeError, ValueError, SyntaxError) as error:
        text = " ".join(str(error).split())
        hint = "yolo cfg lists them"
        raise SettingError(f"a setting has no such value: {text}", hint=hint) from None
    _check_ranges(settings)


def _check_ranges(settings: dict[str, Any]) -> None:
    """Check ranges of settings that Ultralytics would silently change."""
    batch, imgsz, hours = (settings.get(key) for key in ("batch", "imgsz", "time"))
    on_cpu = str(settings.get("device")) == "cpu"
    if batch is not None and (batch < 1 and (on_cpu or not (batch == -1 or 0 < batch < 1))):
        raise SettingError(f"`batch` is {batch}, expected at least 1", hint="--batch 8")
    if isinstance(imgsz, int) and not 32 <= imgsz <= _MAX_IMGSZ:
        raise SettingError(
            f"`imgsz` is {imgsz}, expected 32 to {_MAX_IMGSZ} pixels", hint="--imgsz 768"
        )
    if hours is not None and hours <= 0:
        raise SettingError(f"`time` is {hours} hours, expected some", hint="--minutes 120")
    select: Any = import_module("ultralytics.utils.torch_utils").select_device
    try:
        with quiet_ultralytics():
            select(str(settings.get("device") or ""))
    except (ValueError, RuntimeError) as error:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        raise SettingError(f"this device is not there: {first}", hint="--device cpu") from None


def _with_hint(error: Exception, folder: RunFolder) -> Exception:
    """Return an error with a hint for a full disk or memory, the error itself otherwise."""
    text = str(error)
    goes_on = f"then go on: urban-segmentor train --resume {folder.root}"
    disk_full = isinstance(error, OSError) and error.errno in _DISK_FULL
    if disk_full or "No space left" in text or "unexpected pos" in text or "write failed" in text:
        return OutputError(
            f"cannot write to `{folder.root}`: no space left on the device",
            hint=f"free some space, {goes_on}",
        )
    if "out of memory" in text.lower() or "can't allocate memory" in text:
        return ModelError(
            "the memory is not enough for such batches", hint="take smaller ones: --batch 4"
        )
    return error
