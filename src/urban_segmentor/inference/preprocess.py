"""Letterboxing of images to the network input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.structures.frame import Image, Yuv420

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.boxes import Letterbox

PADDING = 114
"""Grey value around the content, the one Ultralytics trains with."""


def network_input(pixels: Image | Yuv420, letterbox: Letterbox) -> NDArray[np.uint8]:
    """Return the letterboxed image, uint8 (1, H, W, 3), RGB.

    Video planes are scaled before they become RGB: a ninth of the color arithmetic at 1080p.

    Args:
        pixels: RGB uint8 (H, W, 3), or the planes of a video frame.
        letterbox: Where the picture lies in the input.
    """
    height, width = letterbox.content_size
    if isinstance(pixels, Yuv420):
        content = pixels.resized_rgb(width, height)
    elif pixels.shape[:2] == (height, width):
        content = pixels
    else:
        resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)
        content = np.asarray(resized, dtype=np.uint8)
    if letterbox.content_size == letterbox.input_size:
        return np.ascontiguousarray(content)[None]
    batch = np.full((1, *letterbox.input_size, 3), PADDING, dtype=np.uint8)
    rows = slice(letterbox.top, letterbox.top + height)
    batch[0, rows, letterbox.left : letterbox.left + width] = content
    return batch
