"""How far a training is, and the learning rate that goes with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.training.panoptic.settings import PanopticSettings


def progress(
    settings: PanopticSettings, *, step: int, seconds: float, steps_per_epoch: int
) -> float:
    """Return the share of a training that is done, in [0, 1].

    Args:
        settings: Its length in minutes or epochs.
        step: Steps done.
        seconds: Spent on them.
        steps_per_epoch: Steps of a pass over the data.
    """
    if settings.minutes is not None:
        return min(seconds / (60 * settings.minutes), 1.0)
    return min(step / (settings.epochs * steps_per_epoch), 1.0)


def learning_rate(settings: PanopticSettings, *, step: int, done: float) -> float:
    """Return the learning rate of a step.

    Args:
        settings: Highest rate, the share that is left at the end, and how it falls.
        step: Steps done.
        done: Share of the training that is done.
    """
    left = (1 + math.cos(math.pi * done)) / 2 if settings.cosine else 1 - done
    rate = settings.lr * (settings.lrf + (1 - settings.lrf) * left)
    return rate * min(1.0, (step + 1) / max(settings.warmup, 1))
