"""Label sprites and their placement."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.structures.label_maps import nearest_pixels
from urban_segmentor.visualization.canvas import TextSprite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.color import Rgb
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.masks import Masks

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BRIGHT_LUMA = 150  # luma above which text is black
_PROBE_PX = 48  # the distance transform is computed at this size


@lru_cache(maxsize=512)
def label_sprite(text: str, color: Rgb, scale: float) -> TextSprite:
    """Return a label sprite with a text.

    Args:
        text: The text.
        color: Background color.
        scale: Scale of the text; 1 for a height of 720 pixels.
    """
    size, weight = 0.5 * scale, max(round(scale), 1)
    (width, height), baseline = cv2.getTextSize(text, _FONT, size, weight)
    margin = max(round(4 * scale), 2)
    full_width, full_height = width + 2 * margin, height + baseline + margin
    plate = np.empty((full_height + full_height % 2, full_width + full_width % 2, 3), np.uint8)
    plate[...] = color
    luma = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    ink = (0, 0, 0) if luma > _BRIGHT_LUMA else (255, 255, 255)
    position = (margin, margin // 2 + height + baseline // 2)
    cv2.putText(plate, text, position, _FONT, size, ink, weight, cv2.LINE_AA)
    return TextSprite(plate)


def label_anchor(
    instances: Instances, index: int, plate: tuple[int, int], *, inside: bool
) -> tuple[int, int]:
    """Return the top-left corner, x and y in pixels, of an instance's label.

    Args:
        instances: All instances.
        index: Index of the labeled instance.
        plate: Height and width of the label, pixels.
        inside: True to center it in the mask, False to place it on top of the box.
    """
    height, width = instances.masks.image_size
    if inside:
        x, y = _deepest_pixel(instances, index)
        x, y = x - plate[1] // 2, y - plate[0] // 2
    else:
        left, top = (int(edge) for edge in instances.boxes[index, :2])
        x, y = left, top - plate[0]
        if y < 0:  # no room above: hang it from the upper edge
            y = top
    return max(min(x, width - plate[1]), 0), max(min(y, height - plate[0]), 0)


def _deepest_pixel(instances: Instances, index: int) -> tuple[int, int]:
    """Return the pixel, x and y, farthest from the edge of a mask."""
    x, y = (int(edge) for edge in instances.masks.origins[index])
    small, (height, width) = _probe(instances.masks, index)
    if small is None:
        return x, y
    depth = cv2.distanceTransform(cv2.copyMakeBorder(small, 1, 1, 1, 1, 0), cv2.DIST_L2, 3)
    row, column = divmod(int(np.argmax(depth[1:-1, 1:-1])), _PROBE_PX)
    return x + (2 * column + 1) * width // (2 * _PROBE_PX), y + (2 * row + 1) * height // (
        2 * _PROBE_PX
    )


def _probe(masks: Masks, index: int) -> tuple[NDArray[np.uint8] | None, tuple[int, int]]:
    """Return a mask at the size of the probe, None where it is empty, and its own size."""
    region = masks.region(index)
    if region is None:
        crop = masks.crops[index]
        if not crop.size:
            return None, (0, 0)
        size = (_PROBE_PX, _PROBE_PX)
        small = cv2.resize(crop.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        return np.asarray(small, dtype=np.uint8), (crop.shape[0], crop.shape[1])
    x1, y1, x2, y2 = region.box  # a look at the map here and there decodes no mask
    rows, columns = nearest_pixels(y2 - y1, _PROBE_PX), nearest_pixels(x2 - x1, _PROBE_PX)
    small = region.image[np.ix_(y1 + rows, x1 + columns)] == region.value
    return small.view(np.uint8), (y2 - y1, x2 - x1)
