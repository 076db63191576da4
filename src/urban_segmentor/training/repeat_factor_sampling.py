"""Repeat factor sampling: images of rare classes come more often."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from urban_segmentor.training.training_data import TrainingImage


def repeat_factor_sample(
    images: Sequence[TrainingImage], *, threshold: float, first_class_id: int = 0, seed: int = 0
) -> list[Path]:
    """Return image paths, those of rare classes several times.

    A class in a fraction f of all images has the factor `max(1, sqrt(threshold / f))`, and an
    image that of its rarest class. The fractional part of a factor is drawn at random.

    Args:
        images: Images with their classes.
        threshold: Classes in a smaller fraction of images are rare; 0 repeats nothing.
        first_class_id: Classes with a smaller id are never rare.
        seed: Seed of the random part.

    Source:
        Repeat factor sampling: Gupta et al., "LVIS", CVPR 2019.
    """
    counts = Counter(class_id for image in images for class_id in image.classes)
    factors = {
        class_id: max(1.0, math.sqrt(threshold * len(images) / count))
        for class_id, count in counts.items()
        if class_id >= first_class_id
    }
    rng = random.Random(seed)  # noqa: S311 -- nothing is secret here
    sampled: list[Path] = []
    for image in images:
        factor = max((factors.get(class_id, 1.0) for class_id in image.classes), default=1.0)
        whole = int(factor)
        sampled += [image.path] * (whole + (rng.random() < factor - whole))
    return sampled
