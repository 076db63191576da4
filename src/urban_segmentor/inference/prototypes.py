"""Decoding of mask prototypes to masks at image resolution.

Each instance's logits are interpolated inside its own box only, and thresholded last. The pixel
grids are aligned by their edges, half-pixel correct, through the letterbox.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.structures.masks import LazyCrops, Masks
from urban_segmentor.structures.pixel_grids import enlarge, grid_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.boxes import Letterbox
    from urban_segmentor.structures.masks import Crop
    from urban_segmentor.structures.pixel_grids import GridAxis


def masks_from_prototypes(
    logits: NDArray[np.float32], boxes: NDArray[np.float32], letterbox: Letterbox
) -> Masks:
    """Return lazily decoded masks.

    Args:
        logits: float32 (N, h, w), at the resolution of the prototypes; positive is inside.
        boxes: float32 (N, 4), image pixels, `x1, y1, x2, y2`; nothing outside is kept.
        letterbox: How the image lies in the network input.
    """
    height, width = letterbox.image_size
    down, across = grid_axes(letterbox, (logits.shape[1], logits.shape[2]))
    limits = [width, height, width, height]
    rectangles = np.clip(np.ceil(boxes), 0, limits).astype(np.int32)
    rectangles[:, 2:] = np.maximum(rectangles[:, 2:], rectangles[:, :2])
    corners: list[tuple[int, int, int, int]] = rectangles.tolist()
    decoders = [
        partial(_decode, logit, down, across, corner)
        for logit, corner in zip(logits, corners, strict=True)
    ]
    return Masks(
        crops=LazyCrops(decoders),
        origins=np.ascontiguousarray(rectangles[:, :2]),
        image_size=letterbox.image_size,
    )


def has_pixels(logits: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether each mask may have a pixel inside its box, bool (N,).

    Args:
        logits: float32 (N, h, w), at the resolution of the prototypes; positive is inside.
        boxes: float32 (N, 4), pixels of the prototypes, `x1, y1, x2, y2`.
    """
    low = np.maximum(np.floor(boxes[:, :2] - 0.5), 0).astype(np.int32)
    high = np.ceil(boxes[:, 2:] + 0.5).astype(np.int32)
    return np.array(
        [
            logit[y1:y2, x1:x2].max(initial=-1) > 0
            for logit, (x1, y1), (x2, y2) in zip(logits, low, high, strict=True)
        ],
        dtype=np.bool_,
    )


def has_visible_pixels(
    masks: Masks, logits: NDArray[np.float32], boxes: NDArray[np.float32], letterbox: Letterbox
) -> NDArray[np.bool_]:
    """Return whether each mask has a pixel, bool (N,); only doubtful ones are decoded.

    Args:
        masks: Result of `masks_from_prototypes`.
        logits: float32 (N, h, w), what they were made from.
        boxes: float32 (N, 4), pixels of the prototypes, `x1, y1, x2, y2`.
        letterbox: How the image lies in the network input.
    """
    # Between four positive neighbours everything is positive, and has a pixel of the image unless
    # that is coarser than the prototypes.
    is_fine = max(letterbox.gains) * logits.shape[2] <= letterbox.input_size[1]
    low = np.ceil(boxes[:, :2] - 0.5).clip(0).astype(np.int32)
    high = np.floor(boxes[:, 2:] + 0.5).clip(0).astype(np.int32)
    visible = np.zeros(len(logits), dtype=np.bool_)
    for i, (logit, (x1, y1), (x2, y2)) in enumerate(zip(logits, low, high, strict=True)):
        is_certain = is_fine and _has_2x2_block(logit[y1:y2, x1:x2])
        visible[i] = is_certain or masks.crops[i].any()
    return visible


def _has_2x2_block(logit: NDArray[np.float32]) -> bool:
    """Return whether a block of 2 x 2 pixels is positive."""
    inside = logit > 0
    pairs = inside[1:] & inside[:-1]
    return bool((pairs[:, 1:] & pairs[:, :-1]).any())


def _decode(
    logit: NDArray[np.float32],
    down: GridAxis,
    across: GridAxis,
    box: tuple[int, int, int, int],
) -> Crop:
    """Return the mask inside one rectangle, `x1, y1, x2, y2`, bool (y2 - y1, x2 - x1)."""
    return enlarge(logit, down, across, box) > 0
