"""What each part of a panoptic training is worth: the same steps from one checkpoint, scored alike.

    python benchmarks/ablations.py RUN --model START.pt --data CITYSCAPES [--only base no-p2]

RUN is the folder of a run of `train --task panoptic`, whose label maps are used again. Each variant
learns from every N-th frame for one pass, its rate falling to the end, and is scored on every M-th
frame of the split `val`. Steps instead of minutes make it fair on a machine that does other work.
Few steps tell what helps at the beginning; differences below a point are within the noise.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.exporters.ultralytics_env import require_modules
from urban_segmentor.training.panoptic.settings import PanopticSettings
from urban_segmentor.training.panoptic.training_frames import read_frames

if TYPE_CHECKING:
    from collections.abc import Callable

VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "no-branch": {"semantic": 0.0},
    "no-p2": {},
    "no-pooled-p5": {},
    "no-paste": {"paste": 0.0},
    "no-bars-one-shape": {"bars": 0.0, "shapes": ((0.5, 1.0, 1.0),)},
    "lr-0.001": {"lr": 1e-3},
    "lr-0.00025": {"lr": 2.5e-4},
}


def main() -> None:
    """Print a row for each variant as it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS))
    parser.add_argument("--every", type=int, default=2, help="frames to learn from")
    parser.add_argument("--images", type=int, default=79, help="frames to score on")
    parser.add_argument("--work", type=Path, default=Path("urban-out/ablations"))
    args = parser.parse_args()
    require_modules("torch", "ultralytics")
    print("| variant | steps | AP | PQ | mIoU | last losses | s |\n|---|---|---|---|---|---|---|")
    for name in args.only:
        started_s = time.perf_counter()
        trainer, figures, losses = run_variant(name, args)
        shown = " | ".join(f"{figures[f'metrics/{key}']:.1f}" for key in ("AP", "PQ", "mIoU"))
        told = ", ".join(f"{key.removesuffix('_loss')} {losses[key]:.3f}" for key in losses)
        spent_s = time.perf_counter() - started_s
        print(f"| {name} | {trainer.step} | {shown} | {told} | {spent_s:.0f} |", flush=True)


def run_variant(
    name: str, args: argparse.Namespace
) -> tuple[Any, dict[str, float], dict[str, float]]:
    """Return the trainer of a variant at its end, its figures, and the means of its losses."""
    from urban_segmentor.training.panoptic.batch_plan import BatchPlan
    from urban_segmentor.training.panoptic.dataset import PanopticDataset
    from urban_segmentor.training.panoptic.scoring import network_segmenter, score_network
    from urban_segmentor.training.panoptic.semantic_loss import class_weights
    from urban_segmentor.training.panoptic.trainer import PanopticTrainer, TrainerFiles
    from urban_segmentor.training.training_data import repeat_factors

    found = read_frames(args.run)
    frames = found.frames[:: args.every]
    settings = replace(PanopticSettings(epochs=1, warmup=20, save_minutes=1e6), **VARIANTS[name])
    network = start(args.model, found)
    if name in {"no-p2", "no-pooled-p5"}:
        silence(network.semantic, "p2" if name == "no-p2" else "scene")
    things = network.architecture.instance_class_ids
    factors = repeat_factors(
        [frame.class_ids for frame in frames], threshold=settings.rare, counted=frozenset(things)
    )
    dataset = PanopticDataset(
        frames, names=found.names, instance_class_ids=things, settings=settings
    )
    trainer = PanopticTrainer(
        network,
        dataset=dataset,
        plan=BatchPlan(
            factors=tuple(factors),
            batch=settings.batch,
            shapes=tuple(settings.batch_shapes()),
            seed=settings.seed,
        ),
        weights=class_weights(np.array(found.pixels)),
        settings=settings,
        files=TrainerFiles(state=args.work / f"{name}.pt", pause=args.work / "pause"),
    )
    events = Events()
    trainer.run(events)
    segmenter = network_segmenter(trainer.ema, imgsz=settings.imgsz, amp=trainer.amp)
    figures = score_network(segmenter, open_dataset(args.data), limit=args.images)
    (args.work / f"{name}.json").write_text(json.dumps(figures | events.losses))
    return trainer, figures, events.losses


def start(model: Path, found: Any) -> Any:
    """Return the network of a checkpoint, of ours or of Ultralytics."""
    import torch

    from urban_segmentor.exporters.checkpoint import load_checkpoint
    from urban_segmentor.networks.panoptic import begin_from
    from urban_segmentor.networks.panoptic_checkpoint import is_panoptic, load_panoptic

    if is_panoptic(model):
        return load_panoptic(model).network
    torch.manual_seed(0)
    trained: Any = load_checkpoint(model)
    return begin_from(trained.model.model, names=found.names, is_thing=found.is_thing)


def silence(branch: Any, name: str) -> None:
    """Let a path of the branch give zeros, before training and after."""
    path = getattr(branch, name)
    forward: Callable[..., Any] = path.forward
    path.forward = lambda features: forward(features) * 0


class Events:
    """Keeps the means of losses."""

    def __init__(self) -> None:
        self.losses: dict[str, float] = {}

    def on_step(self, losses: dict[str, float]) -> None:
        """Keep the means so far."""
        self.losses = losses

    def on_problem(self, text: str) -> None:
        """Tell it."""
        print(text)

    def on_epoch(self, _trainer: Any, losses: dict[str, float]) -> None:
        """Keep the means."""
        self.losses = losses


if __name__ == "__main__":
    main()
