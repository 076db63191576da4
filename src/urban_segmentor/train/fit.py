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
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.train.checkpoint import load_checkpoint
from urban_segmentor.train.material import Material, read_material
from urban_segmentor.train.quiet import quiet_ultralytics, require
from urban_segmentor.train.recipes import OWN
from urban_segmentor.train.run_folder import DATA, RUN, RunFolder, open_run
from urban_segmentor.train.sampling import repeated
from urban_segmentor.train.start import find_start
from urban_segmentor.train.watch import Callbacks, Watcher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FIRST_THING = "person"  # stuff is in almost every picture; only things are rare


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
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
    watcher: Watcher | None = None,
) -> Trained:
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
    material = read_material(data, also=also)
    start = find_start(model)
    load_checkpoint(start, trust=trust)
    own = {key: settings[key] for key in OWN if key in settings}
    theirs = {key: value for key, value in settings.items() if key not in OWN}
    theirs = {"seed": 0, **theirs, "model": str(start.resolve())}
    _check_settings(theirs)
    folder = RunFolder(out)
    folder.create(
        material=material,
        pictures=_listed(material, own, seed=int(theirs["seed"])),
        settings=theirs,
        own=own,
        overwrite=overwrite,
    )
    return _run(folder, theirs, plain=bool(own.get("plain")), watcher=watcher)


def resume(
    path: Path, *, settings: dict[str, Any] | None = None, watcher: Watcher | None = None
) -> Trained:
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
    folder.check_data()
    record = folder.read()
    theirs = record["settings"] | (settings or {})
    if folder.last.is_file():
        done = _epochs_of(folder.last)
        folder.forget_after(done)
        theirs["resume"] = str(folder.last)
    else:
        folder.forget_after(0)
    plain = bool(record["own_settings"].get("plain"))
    return _run(folder, theirs, plain=plain, watcher=watcher)


def _listed(material: Material, own: dict[str, Any], *, seed: int) -> list[Path]:
    names = material.names
    first = names.index(_FIRST_THING) if _FIRST_THING in names else 0
    return repeated(material.train, share=own.get("repeat") or 0.0, first=first, seed=seed)


def _run(
    folder: RunFolder, settings: dict[str, Any], *, plain: bool, watcher: Watcher | None
) -> Trained:
    from urban_segmentor.train.trainer import (
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
    with nullcontext() if many else quiet_ultralytics():
        try:
            trainer = (KeptTrainer if plain else StreetTrainer)(overrides=settings | place)
            if not many:  # the processes of several GPUs tell for themselves
                Callbacks(folder, watcher).attach(trainer)
            trainer.train()
        except UrbanSegmentorError:
            raise
        except Exception as error:
            raise _explained(error, folder) from error
    return _finish(folder, trainer)


def _finish(folder: RunFolder, trainer: Any) -> Trained:
    rows = folder.rows()
    epochs = int(rows[-1]["epoch"]) if rows else 0
    folder.write_curves()
    key = "metrics/mAP50-95(M)"
    top = max(rows, key=lambda row: row.get(key, 0.0)) if rows else {}
    metrics = {name: value for name, value in top.items() if name.startswith("metrics/")}
    wanted = int(trainer.epochs)
    best = folder.best if folder.best.is_file() else folder.last
    record = folder.read()
    record["finished"] = {"epochs": epochs, "wanted": wanted, "metrics": metrics}
    write_atomically(folder.root / RUN, json.dumps(record, indent=2).encode(), overwrite=True)
    return Trained(folder=folder, best=best, epochs=epochs, wanted=wanted, metrics=metrics)


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


def _epochs_of(checkpoint: Path) -> int:
    """Return how many epochs a checkpoint of a run has behind it."""
    load: Any = import_module("ultralytics.utils.patches").torch_load
    try:
        return int(load(checkpoint, map_location="cpu")["epoch"]) + 1
    except Exception as error:
        raise ModelError(
            f"`{checkpoint}` cannot be read: {error}",
            hint="remove it to begin this run from its start with --resume",
        ) from error


def _explained(error: Exception, folder: RunFolder) -> Exception:
    """Return an error that says what to do, for those that users run into."""
    text = str(error)
    goes_on = f"then go on: urban-segmentor train --resume {folder.root}"
    full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    if full or "No space left" in text or "unexpected pos" in text or "write failed" in text:
        return OutputError(
            f"cannot write to `{folder.root}`: no space left on the device",
            hint=f"free some space, {goes_on}",
        )
    if "out of memory" in text.lower() or "can't allocate memory" in text:
        return ModelError(
            "the memory is not enough for such batches", hint="take smaller ones: --batch 4"
        )
    if "device" in text.lower() and "CUDA" in text:
        first = next((line for line in text.splitlines() if line.strip()), text)
        return SettingError(f"this device is not there: {first.strip()}", hint="--device cpu")
    return error
