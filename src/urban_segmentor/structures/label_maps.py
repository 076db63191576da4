"""Maps that give each pixel a number: looked up in a table, and brought to another size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ScalarT = TypeVar("ScalarT", bound=np.generic)

_BYTE = 256


def apply_lookup(table: NDArray[Any], numbers: NDArray[Any]) -> NDArray[Any]:
    """Return what a table has for each number, of the dtype of the table.

    Args:
        table: uint8, uint16 or int32 (K,), or uint8 (K, 3).
        numbers: uint8, uint16 or int32 (H, W), positions in it.

    Returns:
        (H, W), or (H, W, 3).

    >>> apply_lookup(np.array([0, 26000], dtype=np.uint16), np.array([[0, 1, 1]])).tolist()
    [[0, 26000, 26000]]
    """
    import cv2  # noqa: PLC0415 - heavy

    if len(table) > _BYTE or not numbers.size:
        return table[numbers]
    # OpenCV looks bytes up several times as fast as NumPy.
    positions = numbers.astype(np.uint8, copy=False)
    full = np.zeros((_BYTE, *table.shape[1:]), dtype=table.dtype)
    full[: len(table)] = table
    if table.ndim == 1:
        return np.asarray(cv2.LUT(positions, full), dtype=table.dtype)
    return np.asarray(cv2.LUT(cv2.merge([positions] * 3), full[None]), dtype=table.dtype)


def resize_nearest(labels: NDArray[ScalarT], size: tuple[int, int]) -> NDArray[ScalarT]:
    """Return a map at another size, (H, W): what the centers of its pixels lie in.

    Args:
        labels: (h, w) of any dtype.
        size: Height and width of the result, pixels.

    >>> resize_nearest(np.array([[1, 2, 3]]), (2, 6)).tolist()
    [[1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 3, 3]]
    """
    if labels.shape == size:
        return labels
    rows, columns = (nearest_pixels(old, new) for old, new in zip(labels.shape, size, strict=True))
    return np.ascontiguousarray(labels[rows][:, columns])


def nearest_pixels(old: int, new: int) -> NDArray[np.intp]:
    """Return the pixel of a line that the center of each pixel of another lies in, intp (new,).

    Args:
        old: Length of the line, pixels.
        new: Length of the other one, which shows the same, pixels.

    >>> nearest_pixels(6, 3).tolist(), nearest_pixels(2, 5).tolist()
    ([1, 3, 5], [0, 0, 1, 1, 1])
    """
    # Whole numbers round alike everywhere.
    return (2 * np.arange(new, dtype=np.intp) + 1) * old // (2 * new)
