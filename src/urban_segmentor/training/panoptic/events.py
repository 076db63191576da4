"""What a panoptic run leaves in its folder as it goes: rows, curves, pictures, the best weights."""

# PyTorch gives few types; what is used of it is checked by tests.
# pyright: basic

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from urban_segmentor.datasets.samples import spread
from urban_segmentor.errors import DatasetError, OutputError
from urban_segmentor.io.atomic import write_atomically
from urban_segmentor.networks.panoptic_checkpoint import save_panoptic
from urban_segmentor.training.curves import panoptic_curves_png
from urban_segmentor.training.panoptic.scoring import (
    draw_samples,
    network_segmenter,
    score_network,
)
from urban_segmentor.training.run_folder import CURVES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urban_segmentor.datasets.samples import SampleSet
    from urban_segmentor.training.callbacks import TrainingObserver
    from urban_segmentor.training.panoptic.trainer import PanopticTrainer
    from urban_segmentor.training.run_folder import RunFolder

FIGURES = ("metrics/AP", "metrics/PQ", "metrics/mIoU")
_PICTURES = "pictures"
_DRAWN = 6
_MAX_PROBLEMS = 20


class RunEvents:
    """Writes what happens in a run into its folder, and tells an observer.

    Args:
        folder: Of the run.
        samples: The data set, whose split `val` is measured on.
        observer: Is told as well; None for nobody.
    """

    def __init__(
        self, folder: RunFolder, *, samples: SampleSet, observer: TrainingObserver | None
    ) -> None:
        self.problems: list[str] = []
        self._seen: set[str] = set()
        self._folder, self._samples, self._observer = folder, samples, observer
        self._scored_at = 0.0
        self._best = -math.inf

    @property
    def problem_count(self) -> int:
        """How many images could not be read."""
        return len(self._seen)

    def begin(self, trainer: PanopticTrainer) -> None:
        """Note where a training begins."""
        self._scored_at = trainer.seconds
        self._best = max(
            (row.get("metrics/PQ", -math.inf) for row in self._folder.rows()), default=-math.inf
        )
        self._best = -math.inf if math.isnan(self._best) else self._best
        if self._observer is not None:
            self._observer.on_start(
                epoch=trainer.epoch, epochs=trainer.epochs, batches=trainer.plan.steps_per_epoch
            )

    def on_step(self, losses: Mapping[str, float]) -> None:
        """Tell of a step."""
        if self._observer is not None:
            self._observer.on_batch(losses)

    def on_problem(self, text: str) -> None:
        """Count what could not be read, each once; the first ones are named."""
        known = len(self._seen)
        self._seen.add(text)
        if len(self._seen) == known or known >= _MAX_PROBLEMS:
            return
        self.problems.append(text)
        if self._observer is not None:
            self._observer.on_problem(text)

    def on_epoch(self, trainer: PanopticTrainer, losses: Mapping[str, float]) -> None:
        """Write a row, and score now and then, and at the end."""
        figures: dict[str, float] = dict.fromkeys(FIGURES, math.nan)
        is_end = trainer.done >= 1
        if is_end or trainer.seconds - self._scored_at >= 60 * trainer.settings.score_minutes:
            figures |= self._score(trainer, limit=None if is_end else trainer.settings.score_images)
            self._scored_at = trainer.seconds
        row = {
            "epoch": float(max(trainer.epoch, 1)),
            "step": float(trainer.step),
            "hours": trainer.seconds / 3600,
            "lr": trainer.rate,
            **{f"train/{name}": value for name, value in losses.items()},
            **figures,
        }
        self._folder.add_row(row)
        with suppress(OutputError):  # a checkpoint matters more, and reports a full disk itself
            curves = panoptic_curves_png(self._folder.rows())
            write_atomically(self._folder.root / CURVES, curves, overwrite=True)
        if self._observer is not None:
            self._observer.on_epoch(int(row["epoch"]), trainer.epochs, row)

    def _score(self, trainer: PanopticTrainer, *, limit: int | None) -> dict[str, float]:
        segmenter = network_segmenter(trainer.ema, imgsz=trainer.settings.imgsz, amp=trainer.amp)
        figures: dict[str, float] = dict.fromkeys(FIGURES, math.nan)
        val = self._samples.of_split("val")
        scored = len(val) if limit is None else min(limit, len(val))
        try:
            figures |= score_network(segmenter, self._samples, limit=limit)
            draw_samples(segmenter, spread(val, _DRAWN), self._folder.root / _PICTURES)
        except DatasetError as error:  # no reason to lose a training for
            self.on_problem(str(error))
        quality = figures.get("metrics/PQ", math.nan)
        # What is measured on all images replaces what was best on some.
        if limit is None or quality > self._best:
            self._best = quality
            measured = {"data": self._samples.root.resolve().name, "scored_images": scored}
            save_panoptic(
                self._folder.best,
                trainer.network.architecture,
                trainer.ema.state_dict(),
                train_args=trainer.settings.as_dict() | {"epochs": trainer.epoch} | measured,
                metrics=figures,
            )
        return figures
