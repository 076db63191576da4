"""Random textures that look grown or worn: sums of blurred noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cloudy(
    rng: np.random.Generator, size: tuple[int, int], *, coarse_px: int, octaves: int
) -> NDArray[np.float64]:
    """Return noise whose details halve in size and strength, float64 (H, W), mean 0, about -1..1.

    Args:
        rng: Where the randomness comes from.
        size: Height and width, pixels.
        coarse_px: Size of the largest detail, pixels.
        octaves: How many sizes of detail.
    """
    total = np.zeros(size)
    for octave in range(octaves):
        grain = max(1, coarse_px >> octave)
        rows, cols = size[0] // grain + 2, size[1] // grain + 2
        field = rng.uniform(-1, 1, (rows, cols))
        resized = cv2.resize(field, (cols * grain, rows * grain), interpolation=cv2.INTER_CUBIC)
        total += np.asarray(resized)[: size[0], : size[1]] / 2**octave
    return total


def as_bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return values of 0..1 as uint8 of the same shape, 0..255."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
