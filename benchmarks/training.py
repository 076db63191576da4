"""A step of training on a CPU: Ultralytics' own against ours, in turns, on the same pictures.

    python benchmarks/training.py [--steps 6]

Trains nothing worth keeping: an untrained YOLOv8n-seg on frames of the procedural street.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.convert.options import ConversionOptions
from urban_segmentor.datasets.convert.output_folder import YAML, finish_conversion
from urban_segmentor.datasets.convert.prepare import prepare
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.exporters.ultralytics_env import quiet_ultralytics, require_modules
from urban_segmentor.synthetic import save_cityscapes

BATCH, LONG_SIDE = 8, 768


def main() -> None:
    """Print milliseconds a picture of each part of a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    args = parser.parse_args()
    require_modules("torch", "ultralytics")
    with tempfile.TemporaryDirectory() as name, quiet_ultralytics():
        data = street(Path(name))
        trainers = {kind: set_up(kind, data, Path(name)) for kind in ("Ultralytics", "ours")}
        times: dict[str, list[dict[str, float]]] = {kind: [] for kind in trainers}
        for _ in range(args.steps + 1):
            for kind, trainer in trainers.items():
                times[kind].append(step(trainer))
    print(f"{os.cpu_count()} cores, batches of {BATCH}, {LONG_SIDE} px, medians of {args.steps}")
    print(f"{'ms a image':14}" + "".join(f"{kind:>14}" for kind in times) + f"{'ratio':>8}")
    for part in (*times["ours"][0], "all"):
        medians = [median(rows[1:], part) for rows in times.values()]
        cells = "".join(f"{1000 * value / BATCH:14.0f}" for value in medians)
        print(f"{part:14}{cells}{medians[0] / medians[1]:8.2f}")


def street(folder: Path) -> Path:
    """Return a prepared data set of drawn streets."""
    save_cityscapes(folder / "street", frames=20, size=(LONG_SIDE // 2, LONG_SIDE))
    layout = read_layout(folder / "street")
    how = ConversionOptions(out=folder / "yolo", format="yolo", classes=parse_dataset_classes("19"))
    finish_conversion(how, prepare(layout, how, splits=["train", "val"]))
    return folder / "yolo" / YAML


def set_up(kind: str, data: Path, folder: Path) -> Any:
    """Return a trainer before its first step; pictures are loaded in this process by both."""
    import torch
    from ultralytics.models.yolo.segment import SegmentationTrainer

    from urban_segmentor.training.trainer import StreetTrainer

    torch.manual_seed(0)
    settings = {
        "model": "yolov8n-seg.yaml",
        "data": str(data),
        "imgsz": LONG_SIDE,
        "rect": True,
        "batch": BATCH,
        "mosaic": 0.0,
        "epochs": 1,
        "device": "cpu",
        "plots": False,
        "project": str(folder),
        "name": kind,
    }
    trainer: Any = (SegmentationTrainer if kind == "Ultralytics" else StreetTrainer)(
        overrides=settings
    )
    trainer.args.workers = 0
    trainer._setup_train()  # noqa: SLF001 -- there is no other way to one step
    trainer.model.train()
    return trainer


def step(trainer: Any) -> dict[str, float]:
    """Return seconds that the parts of one step took."""
    import torch

    marks = [time.perf_counter()]
    loader = trainer.train_loader
    batch = trainer.preprocess_batch(next(iter(loader)))
    marks.append(time.perf_counter())
    with torch.autocast("cpu", enabled=bool(trainer.amp)):
        preds = trainer.model(batch["img"])
        marks.append(time.perf_counter())
        loss, _ = trainer.model.loss(batch, preds)
    marks.append(time.perf_counter())
    loss.sum().backward()
    trainer.optimizer.step()
    trainer.optimizer.zero_grad()
    marks.append(time.perf_counter())
    names = ("load", "forward", "loss", "backward")
    return dict(zip(names, (after - before for before, after in pairwise(marks)), strict=True))


def median(rows: list[dict[str, float]], part: str) -> float:
    """Return the median of a part, or of the whole step, seconds."""
    return statistics.median(sum(row.values()) if part == "all" else row[part] for row in rows)


if __name__ == "__main__":
    main()
