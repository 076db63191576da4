"""Rare classes seen more often."""

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
    images: Sequence[TrainingImage], *, share: float, first: int = 0, seed: int = 0
) -> list[Path]:
    """Return pictures, those of rare classes several times.

    A class that a fraction f of all pictures shows has the factor `max(1, sqrt(share / f))`, and a
    picture that of its rarest class. What of a factor is no whole number is drawn by lot.

    Args:
        images: With the classes that they show.
        share: Classes in a smaller share of pictures than this are rare; 0 repeats nothing.
        first: Classes below this number do not count.
        seed: Of the lot.

    Source:
        Repeat factor sampling: Gupta et al., "LVIS", CVPR 2019.
    """
    counts = Counter(number for image in images for number in image.classes)
    factors = {
        number: max(1.0, math.sqrt(share * len(images) / count))
        for number, count in counts.items()
        if number >= first
    }
    lot = random.Random(seed)  # noqa: S311 -- nothing is secret here
    found: list[Path] = []
    for image in images:
        factor = max((factors.get(number, 1.0) for number in image.classes), default=1.0)
        whole = int(factor)
        found += [image.path] * (whole + (lot.random() < factor - whole))
    return found
