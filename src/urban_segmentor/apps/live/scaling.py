"""Frames in the size of a window, as RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.structures.color import yuv_to_rgb_matrix
from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Image

_COARSE = 2  # times smaller, from where single pixels would be skipped


class Scaler:
    """Scales planes and turns them into RGB in memory of its own.

    New memory for each frame costs three times as much as the work itself.
    """

    def __init__(self) -> None:
        self._begin((0, 0))

    def scaled(self, pixels: Image | Yuv420, size: tuple[int, int]) -> Image:
        """Return a picture at a height and width, uint8 (H, W, 3), RGB, valid until the next."""
        if size != self._planes[0].shape:
            self._begin(size)
        if not isinstance(pixels, Yuv420):
            return _resized(pixels, self._image)
        planes = zip((pixels.y, pixels.u, pixels.v), self._planes, strict=True)
        cv2.merge([_resized(plane, target) for plane, target in planes], self._merged)
        weights = yuv_to_rgb_matrix(pixels.matrix, full_range=pixels.full_range)
        cv2.transform(self._merged, weights, self._image)
        return self._image

    def _begin(self, size: tuple[int, int]) -> None:
        self._planes = [np.empty(size, dtype=np.uint8) for _ in range(3)]
        self._merged, self._image = (np.empty((*size, 3), dtype=np.uint8) for _ in range(2))


def _resized(plane: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a plane in the size of the target, in which it may lie."""
    if plane.shape == target.shape:
        return np.ascontiguousarray(plane)
    height, width = target.shape[:2]
    coarse = plane.shape[0] >= _COARSE * height
    kind = cv2.INTER_AREA if coarse else cv2.INTER_LINEAR
    cv2.resize(plane, (width, height), target, interpolation=kind)
    return target


def scaled_to(size: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """Return the largest height and width of the same proportions that fit into a room."""
    scale = min(room[0] / size[0], room[1] / size[1])
    height, width = (max(round(side * scale), 1) for side in size)
    return min(height, room[0]), min(width, room[1])
