"""Which segment each pixel shows, for the formats in which a pixel has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.instances import Instances

Numbers: TypeAlias = "NDArray[np.uint8 | np.int32]"
"""uint8 or int32 (H, W), k on the k-th instance, 0 on none."""


def segment_numbers(instances: Instances) -> Numbers:
    """Return which instance each pixel shows, uint8 if that can number them, else int32 (H, W).

    Segments of a panoptic map share no pixel; of instances that do, the first is on top.

    Args:
        instances: N instances, best first.
    """
    masks = instances.masks
    few = len(masks) <= np.iinfo(np.uint8).max
    numbers = np.zeros(masks.image_size, dtype=np.uint8 if few else np.int32)
    origins: list[list[int]] = masks.origins.tolist()
    for i in reversed(range(len(masks))):
        crop, (x, y) = masks.crops[i], origins[i]
        rows, cols = crop.shape
        window = numbers[y : y + rows, x : x + cols]
        np.copyto(window, i + 1, where=crop, casting="unsafe")
    return numbers


def apply_lookup(table: NDArray[Any], numbers: Numbers) -> NDArray[Any]:
    """Return what a table has for each number, of the dtype of the table.

    Args:
        table: uint8 or uint16 (K,), or uint8 (K, 3).
        numbers: uint8 or int32 (H, W), positions in it.

    Returns:
        (H, W), or (H, W, 3).
    """
    if numbers.dtype != np.uint8 or not numbers.size:
        return table[numbers]
    # OpenCV looks up several times as fast as NumPy.
    full = np.zeros((256, *table.shape[1:]), dtype=table.dtype)
    full[: len(table)] = table
    if table.ndim == 1:
        return np.asarray(cv2.LUT(numbers, full), dtype=table.dtype)
    return np.asarray(cv2.LUT(cv2.merge([numbers] * 3), full[None]), dtype=table.dtype)
