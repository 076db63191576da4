"""Masks brought to the size of the ground truth, where that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from urban_segmentor.errors import PredictionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.masks import Crop

ScalarT = TypeVar("ScalarT", bound=np.generic)

MAX_PIXELS = 2**26
"""Larger pictures are refused, as small files can claim any size."""

MAX_MASK_PIXELS = 2**30
"""Pixels of all masks of a picture, each in its rectangle; more would not fit into memory."""

_MOST_STRETCH = 0.01


def check_fit(found: tuple[int, int], wanted: tuple[int, int], *, resize: bool, where: str) -> None:
    """Check that predictions have, or may be given, the size of the ground truth.

    Args:
        found: Height and width of what was predicted, pixels.
        wanted: Height and width of the ground truth, pixels.
        resize: True when they may be scaled, as long as circles stay circles to 1 %.
        where: What was predicted where, the subject of the message.

    Raises:
        PredictionError: They do not fit.
    """
    if found == wanted:
        return
    (height, width), (to_height, to_width) = found, wanted
    sizes = (
        f"{where} has {width} x {height} pixels, the ground truth {to_width} x {to_height} "
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
    if abs(one - other) > _MOST_STRETCH * other:
        raise PredictionError(
            f"{sizes}: the shape differs by more than 1 %",
            hint="predict on whole pictures, neither cut nor padded",
        )


def scaled_crop(
    crop: Crop, origin: tuple[int, int], *, found: tuple[int, int], wanted: tuple[int, int]
) -> tuple[Crop, tuple[int, int]]:
    """Return a mask at another size, bool (h, w), and the x, y of its first pixel.

    Each pixel takes the value of the one that its centre lies in.

    Args:
        crop: bool (h, w), the mask inside its rectangle.
        origin: x and y of its first pixel.
        found: Height and width of the picture, pixels.
        wanted: Height and width that it is to have.
    """
    if found == wanted:
        return crop, origin
    (x, y), (rows, columns) = origin, crop.shape
    from_rows = _nearest(found[0], wanted[0])
    from_columns = _nearest(found[1], wanted[1])
    top, bottom = np.searchsorted(from_rows, (y, y + rows)).tolist()
    left, right = np.searchsorted(from_columns, (x, x + columns)).tolist()
    scaled = crop[from_rows[top:bottom] - y][:, from_columns[left:right] - x]
    return np.ascontiguousarray(scaled), (left if scaled.size else 0, top if scaled.size else 0)


def scaled_map(values: NDArray[ScalarT], *, wanted: tuple[int, int]) -> NDArray[ScalarT]:
    """Return a map (H, W) at another size, nearest pixel centres.

    Args:
        values: (h, w) of any dtype.
        wanted: Height and width that it is to have.
    """
    height, width = values.shape
    if (height, width) == wanted:
        return values
    rows, columns = _nearest(height, wanted[0]), _nearest(width, wanted[1])
    return np.ascontiguousarray(values[rows][:, columns])


def _nearest(found: int, wanted: int) -> NDArray[np.intp]:
    """Return which of `found` pixels holds the centre of each of `wanted` ones, intp (wanted,)."""
    return (2 * np.arange(wanted, dtype=np.intp) + 1) * found // (2 * wanted)
