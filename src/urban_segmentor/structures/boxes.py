"""Boxes and the letterbox: pure functions over arrays.

Boxes are half-open pixel edges everywhere: a mask of 3 x 2 pixels at (3, 2) has the box
[3, 2, 6, 4], as in COCO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterbox:
    """How an image lies inside a network input of another aspect: scaled, centred, padded.

    The rounding is that of Ultralytics, so that its exports see what they were trained on.

    Attributes:
        image_size: Height and width of the image, pixels.
        input_size: Height and width of the network input, pixels.
        content_size: Height and width of the scaled image inside the input, pixels.
        left: Columns of padding before the content.
        top: Rows of padding above the content.
    """

    image_size: tuple[int, int]
    input_size: tuple[int, int]
    content_size: tuple[int, int]
    left: int
    top: int

    @classmethod
    def fit(cls, image_size: tuple[int, int], input_size: tuple[int, int]) -> Self:
        """Return the letterbox that shows the whole image as large as it fits.

        Args:
            image_size: Height and width of the image, pixels.
            input_size: Height and width of the network input, pixels.
        """
        gain = min(input_size[0] / image_size[0], input_size[1] / image_size[1])
        height, width = (max(round(side * gain), 1) for side in image_size)
        return cls(
            image_size=image_size,
            input_size=input_size,
            content_size=(height, width),
            left=max(round((input_size[1] - width) / 2 - 0.1), 0),
            top=max(round((input_size[0] - height) / 2 - 0.1), 0),
        )

    @property
    def gains(self) -> tuple[float, float]:
        """Input pixels per image pixel, across and down."""
        return (
            self.content_size[1] / self.image_size[1],
            self.content_size[0] / self.image_size[0],
        )

    def to_input(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return boxes of the image as boxes of the network input.

        Args:
            boxes: float32 (N, 4), image pixels, `x1, y1, x2, y2`.

        Returns:
            float32 (N, 4), input pixels.
        """
        return (boxes * np.tile(self.gains, 2) + self._offsets).astype(np.float32)

    def to_image(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return boxes of the network input as boxes of the image, clipped to it.

        Args:
            boxes: float32 (N, 4), input pixels, `x1, y1, x2, y2`.

        Returns:
            float32 (N, 4), image pixels.
        """
        height, width = self.image_size
        moved = (boxes - self._offsets) / np.tile(self.gains, 2)
        return np.clip(moved, 0, [width, height, width, height]).astype(np.float32)

    @property
    def _offsets(self) -> NDArray[np.float64]:
        return np.array([self.left, self.top, self.left, self.top], dtype=np.float64)


def rectangular_size(
    image_size: tuple[int, int], *, long_side: int, stride: int
) -> tuple[int, int]:
    """Return the smallest network input that shows the image with the given long side.

    Args:
        image_size: Height and width of the image, pixels.
        long_side: Pixels of the longer side of the input, a multiple of the stride.
        stride: Both sides are multiples of it, pixels.

    Returns:
        Height and width, pixels.

    >>> rectangular_size((1080, 1920), long_side=640, stride=32)
    (384, 640)
    >>> rectangular_size((1024, 2048), long_side=640, stride=32)
    (320, 640)
    """
    gain = long_side / max(image_size)
    height, width = (max(round(side * gain), 1) for side in image_size)
    return -(-height // stride) * stride, -(-width // stride) * stride


_AT_ONCE = 128  # boxes that are compared all with all: one call instead of one a box


def box_iou(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the intersection over union of each pair of boxes.

    Args:
        boxes: float32 (N, 4), pixels, `x1, y1, x2, y2`.
        others: float32 (M, 4).

    Returns:
        float32 (N, M), in [0, 1]; 0 where both boxes are empty.
    """
    top_left = np.maximum(boxes[:, None, :2], others[None, :, :2])
    bottom_right = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    inter = sides[..., 0] * sides[..., 1]
    areas, other_areas = ((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (boxes, others))
    union = areas[:, None] + other_areas[None, :] - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def nms(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    *,
    class_ids: NDArray[np.int32],
    iou: float,
    max_det: int | None = None,
) -> NDArray[np.intp]:
    """Return which boxes non-maximum suppression keeps, best first.

    A box is dropped when a better one of its class overlaps it by more than `iou`.

    Args:
        boxes: float32 (N, 4), pixels, `x1, y1, x2, y2`.
        scores: float32 (N,).
        class_ids: int32 (N,); boxes of different classes never suppress each other.
        iou: Overlap above which the weaker box goes, in [0, 1].
        max_det: How many boxes to keep at most; None for all.

    Returns:
        intp (K,), positions in `boxes`, by falling score.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) > _AT_ONCE and len(kept) != max_det:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        overlaps = box_iou(boxes[best : best + 1], boxes[rest])[0]
        order = rest[(overlaps <= iou) | (class_ids[rest] != class_ids[best])]
    if len(kept) == max_det:
        return np.array(kept, dtype=np.intp)
    same_class = class_ids[order][:, None] == class_ids[order][None, :]
    suppressed = (box_iou(boxes[order], boxes[order]) > iou) & same_class
    alive = np.ones(len(order), dtype=np.bool_)
    for i, index in enumerate(order.tolist()):
        if len(kept) == max_det:
            break
        if alive[i]:
            kept.append(index)
            alive &= ~suppressed[i]
    return np.array(kept, dtype=np.intp)
