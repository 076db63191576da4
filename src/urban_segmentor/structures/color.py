"""Colors, between RGB and the Y'CbCr planes that video is made of.

Source: ITU-R BT.601-7, BT.709-6 and BT.2020-2 for the weights; H.264 for the quantization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rgb: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0..255."""

ColorMatrix: TypeAlias = Literal["bt601", "bt709", "bt2020"]

_LUMA_WEIGHTS: dict[ColorMatrix, tuple[float, float]] = {  # of red and of blue
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}


def rgb_to_yuv_matrix(matrix: ColorMatrix, *, full_range: bool) -> NDArray[np.float64]:
    """Return the affine map from 8-bit RGB to 8-bit Y'CbCr.

    Args:
        matrix: Which luma weights.
        full_range: True when luma uses 0..255, False when it uses 16..235.

    Returns:
        float64 (3, 4); the last column is the offset, in code values.
    """
    red, blue = _LUMA_WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    cb = (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - blue))
    cr = (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - red))
    y_gain, c_gain, y_offset = (1.0, 1.0, 0.0) if full_range else (219 / 255, 224 / 255, 16.0)
    rows = np.stack([luma * y_gain, cb * c_gain, cr * c_gain])
    return np.column_stack([rows, [y_offset, 128.0, 128.0]])


def yuv_to_rgb_matrix(matrix: ColorMatrix, *, full_range: bool) -> NDArray[np.float64]:
    """Return the inverse of `rgb_to_yuv_matrix`, float64 (3, 4)."""
    forward = rgb_to_yuv_matrix(matrix, full_range=full_range)
    inverse = np.linalg.inv(forward[:, :3])
    offset = -inverse @ forward[:, 3]
    return np.column_stack([inverse, offset]).astype(np.float64)


def transform_colors(pixels: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the pixels mapped by a color matrix, rounded and clipped.

    Args:
        pixels: uint8 (H, W, 3).
        matrix: float64 (3, 4), as `rgb_to_yuv_matrix` makes it.

    Returns:
        uint8 (H, W, 3).
    """
    return np.asarray(cv2.transform(pixels, matrix), dtype=np.uint8)
