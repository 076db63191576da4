"""A training from its settings to its result, and on from where it was killed."""

from __future__ import annotations

import difflib
import errno
import json
import os
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from urban_segmentor.errors import ModelError, OutputError, SettingError, UrbanSegmentorError
from urban_segmentor.export.checkpoint import load_checkpoint, safe_loading
from urban_segmentor.export.ultralytics_env import quiet_ultralytics, require
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.training.callbacks import TrainerCallbacks, TrainingObserver
from urban_segmentor.training.pretrained import find_pretrained
from urban_segmentor.training.recipes import OWN
from urban_segmentor.training.repeat_factor_sampling import repeat_factor_sample
from urban_segmentor.training.run_folder import DATA, RUN, RunFolder, open_run
from urban_segmentor.training.training_data import TrainingData, read_training_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LARGEST_PX = 8192
_FIRST_THING = "person"  # stuff is in almost every picture; only things are rare


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What came out.

    Attributes:
        folder: Of the run.
        best: The checkpoint that measured best, without what only training needs.
        epochs: Done in all, those before a resumption included.
        wanted: Epochs that were asked for; early stopping may have ended it sooner.
        metrics: The framework's own figures of the best checkpoint.
    """

    folder: RunFolder
    best: Path
    epochs: int
    wanted: int
    metrics: dict[str, float]


def train(  # noqa: PLR0913 -- all have their names
    data: Path,
    *,
    out: Path,
    model: str = "yolov8n-seg",
    also: Sequence[Path] = (),
    settings: dict[str, Any],
    overwrite: bool = False,
    trust: bool = False,
    watcher: TrainingObserver | None = None,
) -> TrainingResult:
    """Fine-tune a model on a prepared data set.

    Args:
        data: A folder that `data prepare` made, with the splits `train` and `val`.
        out: Folder for the run.
        model: A checkpoint, or a name such as `yolov8n-seg`.
        also: More prepared folders, whose `train` is learnt from too.
        settings: Of a recipe; Ultralytics', and those of ours that `docs/training.md` lists.
        overwrite: True when an earlier run in the folder may be replaced.
        trust: True to load whatever the checkpoint holds, which can run any code.
        watcher: Is told how it goes.

    Raises:
        DatasetError: The data is not what it should be.
        ModelError: The start is not there, is no segmentation model, or cannot be downloaded.
        SettingError: Ultralytics does not know a setting, or not such a value.
        OutputError: The folder has something in it, or the disk is full.
        MissingExtraError: The extra `train` is not installed.
    """
    require("torch", "ultralytics")
    material = read_training_data(data, also=also)
    start = find_pretrained(model)
    load_checkpoint(start, trust=trust)
    own = {key: settings[key] for key in OWN if key in settings}
    theirs = {key: value for key, value in settings.items() if key not in OWN}
    theirs = {"seed": 0, **theirs, "model": str(start.resolve())}
    _check_settings(theirs)
    folder = RunFolder(out)
    folder.create(
        material=material,
        images=_listed(material, own, seed=int(theirs["seed"])),
        settings=theirs,
        own=own,
        overwrite=overwrite,
    )
    return _run(folder, theirs, plain=bool(own.get("plain")), watcher=watcher)


def resume(
    path: Path, *, settings: dict[str, Any] | None = None, watcher: TrainingObserver | None = None
) -> TrainingResult:
    """Go on with a training that was stopped or killed.

    Args:
        path: Its folder.
        settings: What may differ from before, such as `device`.
        watcher: Is told how it goes.

    Raises:
        As `train`, and SettingError when there is no training to go on with.
    """
    require("torch", "ultralytics")
    folder = open_run(path)
    record = folder.read()
    if "finished" in record:
        return _trained(folder, record["finished"])
    folder.check_data()
    folder.settle()
    theirs: dict[str, Any] = record["settings"] | (settings or {})
    if not folder.last.is_file():
        folder.forget_after(0)
    else:
        checkpoint = load_checkpoint(folder.last)
        wanted = int(checkpoint.train_args["epochs"])
        done = int(checkpoint.model.ckpt["epoch"]) + 1
        if done in {0, wanted}:  # only the model is left of a checkpoint that says 0
            _strip(folder)
            return _finish(folder, wanted=wanted)
        folder.forget_after(done)
        theirs["resume"] = str(folder.last)
    plain = bool(record["own_settings"].get("plain"))
    return _run(folder, theirs, plain=plain, watcher=watcher)


def _listed(material: TrainingData, own: dict[str, Any], *, seed: int) -> list[Path]:
    names = material.names
    first = names.index(_FIRST_THING) if _FIRST_THING in names else 0
    return repeat_factor_sample(
        material.train, share=own.get("repeat") or 0.0, first=first, seed=seed
    )


def _run(
    folder: RunFolder, settings: dict[str, Any], *, plain: bool, watcher: TrainingObserver | None
) -> TrainingResult:
    from urban_segmentor.training.trainer import (
        KeptTrainer,
        StreetTrainer,
    )

    root = folder.root.resolve()
    place = {
        "data": str(root / DATA),
        "project": str(root.parent),
        "name": root.name,
        "exist_ok": True,
        "save_dir": str(root),
    }
    many = len(str(settings.get("device", "")).split(",")) > 1
    if many:
        os.environ["YOLO_VERBOSE"] = "True"  # for the processes of the GPUs, which tell how it goes
    with folder.alone(), safe_loading(), nullcontext() if many else quiet_ultralytics():
        try:
            trainer: Any = (KeptTrainer if plain else StreetTrainer)(overrides=settings | place)
            if not many:  # the processes of several GPUs tell for themselves
                TrainerCallbacks(folder, watcher).attach(trainer)
            trainer.train()
        except UrbanSegmentorError:
            raise
        except Exception as error:
            raise _explained(error, folder) from error
    return _finish(folder, wanted=int(trainer.epochs))


def _strip(folder: RunFolder) -> None:
    """Leave only the model in the checkpoints, as a run does at its end."""
    strip: Any = import_module("ultralytics.utils.torch_utils").strip_optimizer
    with safe_loading(), quiet_ultralytics():
        for path in (folder.last, folder.best):
            if path.is_file():
                strip(path)


def _finish(folder: RunFolder, *, wanted: int) -> TrainingResult:
    """Write down how it ended."""
    rows = folder.rows()
    folder.write_curves()
    key = "metrics/mAP50-95(M)"
    top = max(rows, key=lambda row: row.get(key, 0.0)) if rows else {}
    outcome = {
        "epochs": int(rows[-1]["epoch"]) if rows else 0,
        "wanted": wanted,
        "metrics": {name: value for name, value in top.items() if name.startswith("metrics/")},
    }
    record: dict[str, Any] = folder.read() | {"finished": outcome}
    write_atomically(folder.root / RUN, json.dumps(record, indent=2).encode(), overwrite=True)
    return _trained(folder, outcome)


def _trained(folder: RunFolder, outcome: dict[str, Any]) -> TrainingResult:
    best = folder.best if folder.best.is_file() else folder.last
    return TrainingResult(folder=folder, best=best, **outcome)


def _check_settings(settings: dict[str, Any]) -> None:
    """Let Ultralytics judge its settings before a folder is made."""
    known: dict[str, Any] = import_module("ultralytics.utils").DEFAULT_CFG_DICT
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(key, [*known, *OWN], n=1)
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
    """Refuse what Ultralytics would quietly make something else of."""
    batch, imgsz, hours = (settings.get(key) for key in ("batch", "imgsz", "time"))
    on_cpu = str(settings.get("device")) == "cpu"
    if batch is not None and (batch < 1 and (on_cpu or not (batch == -1 or 0 < batch < 1))):
        raise SettingError(f"`batch` is {batch}, expected at least 1", hint="--batch 8")
    if isinstance(imgsz, int) and not 32 <= imgsz <= _LARGEST_PX:
        raise SettingError(
            f"`imgsz` is {imgsz}, expected 32 to {_LARGEST_PX} pixels", hint="--imgsz 768"
        )
    if hours is not None and hours <= 0:
        raise SettingError(f"`time` is {hours}, expected hours over 0", hint="--time 2")
    select: Any = import_module("ultralytics.utils.torch_utils").select_device
    try:
        with quiet_ultralytics():
            select(str(settings.get("device") or ""))
    except (ValueError, RuntimeError) as error:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        raise SettingError(f"this device is not there: {first}", hint="--device cpu") from None


def _explained(error: Exception, folder: RunFolder) -> Exception:
    """Return an error that says what to do, for those that users run into."""
    text = str(error)
    goes_on = f"then go on: urban-segmentor train --resume {folder.root}"
    full = isinstance(error, OSError) and error.errno in _FULL
    if full or "No space left" in text or "unexpected pos" in text or "write failed" in text:
        return OutputError(
            f"cannot write to `{folder.root}`: no space left on the device",
            hint=f"free some space, {goes_on}",
        )
    if "out of memory" in text.lower() or "can't allocate memory" in text:
        return ModelError(
            "the memory is not enough for such batches", hint="take smaller ones: --batch 4"
        )
    return error
