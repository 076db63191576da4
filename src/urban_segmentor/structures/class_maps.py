"""Logits at a low resolution to the class of each pixel of an image.

The class of a pixel is the one whose bilinearly interpolated logits are the highest there. Where
its four neighbors on the map have one best class, that leads in every weighted mean of them, so
that nothing has to be computed. Where a border runs, the best classes of the neighbors are
compared; another one would win at one pixel in a thousand, and is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.structures.pixel_grids import enlarge, grid_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.boxes import Letterbox
    from urban_segmentor.structures.pixel_grids import Cells

_CHUNK = 1 << 16  # pixels in work at once, so that they stay in the cache


def best_classes(logits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the class with the highest logit, uint8 (h, w); the first where several are equal.

    Args:
        logits: float32 (C, h, w), of at most 255 classes.
    """
    count = len(logits)
    highest = logits.max(axis=0)
    rank = np.zeros(highest.shape, dtype=np.uint8)
    for class_id, plane in enumerate(logits):  # three times as fast as argmax
        is_best = (plane == highest).view(np.uint8)
        np.maximum(rank, is_best * np.uint8(count - class_id), out=rank)
    return np.uint8(count) - rank


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of each class, float32 (C, h, w), which add up to 1.

    Args:
        logits: float32 (C, h, w).
    """
    behind = logits - logits.max(axis=0)
    shares = np.exp(behind, out=behind)
    shares *= np.float32(1) / shares.sum(axis=0)
    return shares


def enlarge_map(plane: NDArray[np.float32], letterbox: Letterbox) -> NDArray[np.float32]:
    """Return a map over the network input at the size of the image, bilinear, float32 (H, W).

    Args:
        plane: float32 (h, w).
        letterbox: How the image lies in the network input.
    """
    height, width = letterbox.image_size
    down, across = grid_axes(letterbox, (plane.shape[0], plane.shape[1]))
    return np.ascontiguousarray(enlarge(plane, down, across, (0, 0, width, height)))


def class_map(
    logits: NDArray[np.float32], best: NDArray[np.uint8], letterbox: Letterbox
) -> NDArray[np.uint8]:
    """Return the class of each pixel of an image, uint8 (H, W).

    Args:
        logits: float32 (C, h, w), contiguous, over the whole network input.
        best: uint8 (h, w), the class with the highest of them.
        letterbox: How the image lies in the network input.
    """
    down, across = (axis.cells() for axis in grid_axes(letterbox, (best.shape[0], best.shape[1])))
    corners = [best[np.ix_(ys, xs)] for ys in down[:2] for xs in across[:2]]
    class_ids = np.repeat(np.repeat(corners[0], across.counts, axis=1), down.counts, axis=0)
    is_border = corners[0] != corners[1]
    for corner in corners[2:]:
        is_border |= corner != corners[0]
    border = _border_cells(is_border, corners)
    is_simple = np.ones(len(border.rows), dtype=np.bool_)  # two classes, as nearly all have
    for other in border.classes[2:]:
        is_simple &= (other == border.classes[0]) | (other == border.classes[1])
    painter = _Painter(logits.reshape(-1), best.shape, down, across, class_ids)
    for which in (is_simple, ~is_simple):
        cells = border.select(np.flatnonzero(which))
        for start in range(0, len(cells.rows), painter.at_once):
            painter.paint(cells.select(slice(start, start + painter.at_once)), which is is_simple)
    return class_ids


class _Border(NamedTuple):
    """K cells whose corners differ.

    Attributes:
        rows: intp (K,), positions among the rows of cells.
        columns: intp (K,), positions among the columns.
        classes: uint8 (4, K), the best class of each corner, so that the first two differ.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    classes: NDArray[np.uint8]

    def select(self, which: NDArray[np.intp] | slice) -> _Border:
        """Return some of the cells."""
        return _Border(self.rows[which], self.columns[which], self.classes[:, which])


def _border_cells(is_border: NDArray[np.bool_], corners: list[NDArray[np.uint8]]) -> _Border:
    """Return the cells of a border, (h, w), by the best classes of their corners, (h, w) each."""
    classes = np.stack([corner[is_border] for corner in corners])
    for other in classes[2:]:  # bring one that differs from the first to the second place
        swapped = classes[1] == classes[0]
        classes[1, swapped], other[swapped] = other[swapped], classes[1, swapped]
    rows, columns = np.nonzero(is_border)
    return _Border(rows, columns, classes)


@dataclass(slots=True)
class _Painter:
    """Writes the classes along borders into a map of classes.

    Attributes:
        logits: float32 (C * h * w,).
        map_size: h and w.
        down: The rows of cells.
        across: The columns of cells.
        class_ids: uint8 (H, W), in each cell the best class of its first corner.
    """

    logits: NDArray[np.float32]
    map_size: tuple[int, int]
    down: Cells
    across: Cells
    class_ids: NDArray[np.uint8]

    @property
    def at_once(self) -> int:
        """How many cells to paint at once."""
        pixels = self.down.fractions.shape[1] * self.across.fractions.shape[1]
        return max(_CHUNK // pixels, 1)

    def paint(self, cells: _Border, is_simple: bool) -> None:  # noqa: FBT001 - of this module alone
        """Write the classes of all pixels of some cells; of simple ones two are compared."""
        first = cells.classes[0][:, None, None]
        leads = self._lead(cells, 1)
        steps = (cells.classes[1] - cells.classes[0])[
            :, None, None
        ]  # wraps around, as the sum does
        found = first + (leads > 0).view(np.uint8) * steps
        if not is_simple:
            for number in (2, 3):
                np.maximum(leads, 0, out=leads)
                others = self._lead(cells, number)
                np.copyto(found, cells.classes[number][:, None, None], where=others > leads)
                np.maximum(leads, others, out=leads)
        rows, columns = self.down.pixels[cells.rows], self.across.pixels[cells.columns]
        positions = (rows * self.class_ids.shape[1])[:, :, None] + columns[:, None, :]
        self.class_ids.reshape(-1)[positions.reshape(-1)] = found.reshape(-1)

    def _lead(self, cells: _Border, number: int) -> NDArray[np.float32]:
        """Return by how much a class is better than the first, float32 (K, rows, columns)."""
        height, width = self.map_size
        planes = cells.classes[[number, 0]].astype(np.intp) * (height * width)
        corners: list[NDArray[np.float32]] = []
        for ys in self.down[:2]:
            for xs in self.across[:2]:
                at = ys[cells.rows] * width + xs[cells.columns]
                corners.append((self.logits[planes[0] + at] - self.logits[planes[1] + at])[:, None])
        right = self.across.fractions[cells.columns]
        top = corners[0] + right * (corners[1] - corners[0])
        bottom = corners[2] + right * (corners[3] - corners[2])
        below = self.down.fractions[cells.rows][:, :, None]
        leads = np.multiply(below, (bottom - top)[:, None, :], dtype=np.float32)
        leads += top[:, None, :]
        return leads
