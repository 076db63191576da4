"""Panoptic training: begin a run, and resume one that was stopped or killed."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from urban_segmentor.errors import ModelError
from urban_segmentor.exporters.checkpoint import load_yolo
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.networks.panoptic import PanopticArchitecture, PanopticNetwork, begin_from
from urban_segmentor.networks.panoptic_checkpoint import is_panoptic, load_panoptic
from urban_segmentor.training.panoptic.batch_plan import BatchPlan
from urban_segmentor.training.panoptic.dataset import PanopticDataset
from urban_segmentor.training.panoptic.events import RunEvents
from urban_segmentor.training.panoptic.semantic_loss import class_weights
from urban_segmentor.training.panoptic.settings import PanopticSettings
from urban_segmentor.training.panoptic.state import is_state, load_state
from urban_segmentor.training.panoptic.trainer import (
    PanopticTrainer,
    TrainerFiles,
    training_device,
)
from urban_segmentor.training.panoptic.training_frames import (
    FRAMES,
    PreparedFrames,
    prepare_frames,
    read_frames,
    read_panoptic_data,
)
from urban_segmentor.training.pretrained import find_pretrained
from urban_segmentor.training.run_folder import RUN, TrainingResult
from urban_segmentor.training.training_data import repeat_factors

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from urban_segmentor.training.callbacks import TrainingObserver
    from urban_segmentor.training.panoptic.training_frames import PanopticData
    from urban_segmentor.training.run_folder import RunFolder

TASK = "panoptic"
_PAUSE = "pause"


def train_panoptic(  # noqa: PLR0913 -- all have their names
    data: Path,
    *,
    folder: RunFolder,
    model: str,
    also: Sequence[Path],
    settings: PanopticSettings,
    overwrite: bool,
    trust: bool,
    observer: TrainingObserver | None,
) -> TrainingResult:
    """Train one network for things and surfaces, and return the result.

    Args:
        data: A data set with surfaces and things and the splits `train` and `val`.
        folder: For the run.
        model: A checkpoint, or a name such as `yolov8n-seg`; `weights/last.pt` of a panoptic run
            goes on with its optimizer, `weights/best.pt` with its weights alone.
        also: More data sets, whose split `train` is added.
        settings: All else.
        overwrite: True when an earlier run in the folder may be replaced.
        trust: True to load any pickled class, which can run any code.
        observer: Is told of each step and epoch.

    Raises:
        DatasetError: The data set lacks things, surfaces or files.
        ModelError: The checkpoint is missing, or is no segmentation model.
        OutputError: The folder is not empty, or the disk is full.
        SettingError: There is no such device.
        TrainingError: The loss is no number any more.
    """
    training_device(settings.device)  # before hours go into anything
    found = read_panoptic_data(data, also=also)
    checkpoint = find_pretrained(model)
    network = _begin(checkpoint, found, settings=settings, trust=trust)
    folder.create_panoptic(
        roots=[one.root for one in found.sets],
        record={
            "task": TASK,
            "model": str(checkpoint.resolve()),
            "settings": settings.as_dict(),
            "data": [str(one.path.resolve()) for one in found.sets],
            "images": {"train": sum(map(len, found.train)), "val": len(found.val)},
        },
        overwrite=overwrite,
    )
    count = sum(map(len, found.train))
    with folder.lock():
        if observer is not None:
            observer.on_prepare(images=count)
        on_frame = observer.on_prepared if observer is not None else (lambda: None)
        prepare_frames(found, folder.root, long_side=settings.imgsz, on_frame=on_frame)
        trainer = _trainer(folder, network, settings)
        if is_state(checkpoint):
            trainer.restore(load_state(checkpoint), anew=True)
        return _run(folder, trainer, found, observer)


def resume_panoptic(
    folder: RunFolder, *, changes: dict[str, Any], observer: TrainingObserver | None
) -> TrainingResult:
    """Resume a panoptic run that was stopped or killed, and return its result.

    Args:
        folder: Of the run.
        changes: Settings that replace those of the run.
        observer: Is told of each step and epoch.

    Raises:
        DatasetError: The data is gone.
        ModelError: The checkpoint is damaged.
        OutputError: Another process trains there, or the disk is full.
        TrainingError: The loss is no number any more.
    """
    record = folder.read()
    settings = replace(PanopticSettings.parsed(record["settings"]), **changes)
    found = read_panoptic_data(
        Path(record["data"][0]), also=[Path(path) for path in record["data"][1:]]
    )
    with folder.lock():
        if not (folder.root / FRAMES).is_file():
            prepare_frames(found, folder.root, long_side=settings.imgsz, on_frame=lambda: None)
        if folder.last.is_file():
            state = load_state(folder.last)
            network = PanopticNetwork(PanopticArchitecture.parsed(state.architecture))
        else:
            state = None
            network = _begin(Path(record["model"]), found, settings=settings, trust=False)
        trainer = _trainer(folder, network, settings)
        if state is not None:
            trainer.restore(state)
        folder.drop_rows_after(trainer.epoch)
        return _run(folder, trainer, found, observer)


def _begin(
    checkpoint: Path, data: PanopticData, *, settings: PanopticSettings, trust: bool
) -> PanopticNetwork:
    """Return the network that a training begins with."""
    if is_state(checkpoint):
        network = PanopticNetwork(PanopticArchitecture.parsed(load_state(checkpoint).architecture))
    elif is_panoptic(checkpoint):
        network = load_panoptic(checkpoint).network
    else:
        torch.manual_seed(settings.seed)
        return begin_from(
            load_yolo(checkpoint, trust=trust).model.model,
            names=data.names,
            is_thing=data.is_thing,
            sources=settings.class_rows,
        )
    architecture = network.architecture
    if (architecture.names, architecture.is_thing) != (data.names, data.is_thing):
        raise ModelError(
            f"`{checkpoint}` knows other classes than `{data.sets[0].root}` has",
            hint="begin from a checkpoint of COCO, such as yolov8n-seg",
        )
    return network


def _trainer(
    folder: RunFolder, network: PanopticNetwork, settings: PanopticSettings
) -> PanopticTrainer:
    prepared = read_frames(folder.root)
    things = network.architecture.instance_class_ids
    return PanopticTrainer(
        network,
        dataset=PanopticDataset(
            prepared.frames, names=prepared.names, instance_class_ids=things, settings=settings
        ),
        plan=_plan(prepared, things, settings),
        weights=class_weights(np.array(prepared.pixels)),
        settings=settings,
        files=TrainerFiles(state=folder.last, pause=folder.root / _PAUSE),
    )


def _plan(prepared: PreparedFrames, things: Sequence[int], settings: PanopticSettings) -> BatchPlan:
    classes = [frame.class_ids for frame in prepared.frames]
    factors = repeat_factors(classes, threshold=settings.rare, counted=frozenset(things))
    return BatchPlan(
        factors=tuple(factors),
        batch=settings.batch,
        shapes=tuple(settings.batch_shapes()),
        seed=settings.seed,
    )


def _run(
    folder: RunFolder,
    trainer: PanopticTrainer,
    data: PanopticData,
    observer: TrainingObserver | None,
) -> TrainingResult:
    events = RunEvents(folder, samples=data.sets[0], observer=observer)
    events.begin(trainer)
    with _pause_by_signal(folder.root / _PAUSE):
        try:
            trainer.run(events)
        except KeyboardInterrupt:
            trainer.save()
            raise
    rows = folder.rows()
    outcome: dict[str, Any] = {
        "epochs": trainer.epoch,
        "max_epochs": trainer.epochs,
        "metrics": {
            k: v for k, v in (rows[-1] if rows else {}).items() if k.startswith("metrics/")
        },
    }
    finished = outcome | {"hours": round(trainer.seconds / 3600, 3), "problems": events.problems}
    finished["unreadable"] = events.problem_count
    record = folder.read() | {"finished": finished}
    write_atomically(folder.root / RUN, json.dumps(record, indent=2).encode(), overwrite=True)
    return TrainingResult(folder=folder, best=folder.best, **outcome)


@contextmanager
def _pause_by_signal(path: Path) -> Generator[None]:
    """Return a context in which SIGUSR1 makes the pause file, or removes it."""
    if not hasattr(signal, "SIGUSR1") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def toggle(_number: int, _frame: object) -> None:
        if path.exists():
            path.unlink(missing_ok=True)
        else:
            path.touch()

    before = signal.signal(signal.SIGUSR1, toggle)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)
