"""Resizing of predicted masks and maps to the size of the ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from urban_segmentor.errors import PredictionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.masks import Crop

ScalarT = TypeVar("ScalarT", bound=np.generic)

MAX_PIXELS = 2**26
"""Maximum pixels of an image; small files can claim any size."""

MAX_MASK_PIXELS = 2**30
"""Maximum pixels of all cropped masks of an image; more would not fit into memory."""

_MAX_STRETCH = 0.01


def check_fit(
    size: tuple[int, int], target_size: tuple[int, int], *, resize: bool, context: str
) -> None:
    """Check that predictions have, or may be given, the size of the ground truth.

    Args:
        size: Height and width of the prediction, pixels.
        target_size: Height and width of the ground truth, pixels.
        resize: True when they may be scaled, as long as circles stay circles to 1 %.
        context: The prediction, subject of the message.

    Raises:
        PredictionError: The sizes differ, and may not be scaled to one another.
    """
    if size == target_size:
        return
    (height, width), (to_height, to_width) = size, target_size
    sizes = (
        f"{context} has {width} x {height} pixels, the ground truth {to_width} x {to_height} "
        "(width x height)"
    )
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise PredictionError(sizes, hint="predict at the size of the ground truth")
    if not resize:
        raise PredictionError(
            sizes, hint="predict at the size of the ground truth, or add --resize"
        )
    # The larger of the two is at most 1 % wider or narrower for its height.
    one, other = width * to_height, height * to_width
    if abs(one - other) > _MAX_STRETCH * other:
        raise PredictionError(
            f"{sizes}: the shape differs by more than 1 %",
            hint="predict on whole pictures, neither cut nor padded",
        )


def scaled_crop(
    crop: Crop, origin: tuple[int, int], *, size: tuple[int, int], target_size: tuple[int, int]
) -> tuple[Crop, tuple[int, int]]:
    """Return a cropped mask at another size, bool (h, w), and its origin x, y.

    Each pixel takes the value of the one that its centre lies in.

    Args:
        crop: bool (h, w), the cropped mask.
        origin: x and y of its first pixel.
        size: Height and width of the whole image, pixels.
        target_size: Height and width of the resized image, pixels.
    """
    if size == target_size:
        return crop, origin
    (x, y), (rows, columns) = origin, crop.shape
    from_rows = _nearest(size[0], target_size[0])
    from_columns = _nearest(size[1], target_size[1])
    top, bottom = np.searchsorted(from_rows, (y, y + rows)).tolist()
    left, right = np.searchsorted(from_columns, (x, x + columns)).tolist()
    scaled = crop[from_rows[top:bottom] - y][:, from_columns[left:right] - x]
    return np.ascontiguousarray(scaled), (left if scaled.size else 0, top if scaled.size else 0)


def scaled_map(values: NDArray[ScalarT], *, target_size: tuple[int, int]) -> NDArray[ScalarT]:
    """Return a map (H, W) at another size, nearest pixel centres.

    Args:
        values: (h, w) of any dtype.
        target_size: Height and width of the result, pixels.
    """
    height, width = values.shape
    if (height, width) == target_size:
        return values
    rows, columns = _nearest(height, target_size[0]), _nearest(width, target_size[1])
    return np.ascontiguousarray(values[rows][:, columns])


def _nearest(size: int, target_size: int) -> NDArray[np.intp]:
    """Return the source pixel of each target pixel's centre, intp (target_size,)."""
    return (2 * np.arange(target_size, dtype=np.intp) + 1) * size // (2 * target_size)
