"""The `segmentation` of a COCO annotation: run lengths or polygons, checked and decoded.

Labels and predictions come from any tool, so a mask is checked as far as that costs little when a
file is opened, and decoded when its image is looked at.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import MAX_PIXELS
from urban_segmentor.datasets.findings import WrongEntryError, shown
from urban_segmentor.structures.coco_polygons import coco_polygons_to_mask
from urban_segmentor.structures.polygons import MAX_COORDINATE
from urban_segmentor.structures.rle import decode_counts, decode_rle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.structures.masks import Crop

Outline: TypeAlias = "str | NDArray[np.int64] | tuple[NDArray[np.float64], ...]"
"""Compressed run lengths, plain ones int64 (R,), or rings float64 (K, 2), x and y in pixels."""

_MOST_LETTERS = 7  # that one run length takes


def compact_numbers(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object with its long lists of numbers as arrays: a fifth of the memory.

    Args:
        entry: Any object of a file; other values stay as they are.
    """
    if isinstance(counts := entry.get("counts"), list):
        entry["counts"] = _array(cast("list[object]", counts), {int}, "int64")
    if isinstance(rings := entry.get("segmentation"), list):
        entry["segmentation"] = [
            _array(cast("list[object]", ring), {int, float}, "float64")
            if isinstance(ring, list)
            else ring
            for ring in cast("list[object]", rings)
        ]
    return entry


def parse_outline(value: object) -> tuple[Outline, tuple[int, int] | None]:
    """Return a mask that is not decoded yet, and the height and width that it is of, pixels.

    Polygons do not say which size they are of: None.

    Args:
        value: A `segmentation`, after `compact_numbers`.

    Raises:
        WrongEntryError: It is neither run lengths nor polygons.
    """
    if value is None or value == []:
        raise WrongEntryError("mask", "has no mask")
    if isinstance(value, list):
        return tuple(_ring(ring) for ring in cast("list[object]", value)), None
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    counts: object = fields.get("counts")
    if not isinstance(counts, (str, np.ndarray)):
        text = f"has the segmentation {shown(cast('object', value))}"
        raise WrongEntryError("mask", f"{text}, expected polygons or run lengths")
    size = _size(fields.get("size"))
    # Damaged ones are found when they are decoded; hopeless ones need not be kept.
    if len(cast("str", counts)) > _MOST_LETTERS * (math.prod(size) + 2):
        raise WrongEntryError("mask", "has more run lengths than its picture pixels")
    return cast("str | NDArray[np.int64]", counts), size


def decode_outline(
    outline: Outline, *, image_size: tuple[int, int]
) -> tuple[Crop, tuple[int, int]]:
    """Return a mask, bool (h, w) without empty borders, and x and y of its first pixel.

    Args:
        outline: Of `parse_outline`.
        image_size: Height and width of what it is of, pixels.

    Raises:
        ShapeError: It is damaged.
    """
    if isinstance(outline, str):
        masks = decode_rle([{"size": list(image_size), "counts": outline}])
        x, y = masks.origins[0].tolist()
        return masks.crops[0], (x, y)
    if isinstance(outline, np.ndarray):
        return decode_counts(outline, image_size=image_size)
    return coco_polygons_to_mask(outline, image_size=image_size)


def _size(value: object) -> tuple[int, int]:
    sides = cast("list[object]", value) if isinstance(value, list) else [value]
    sizes = [side for side in sides if type(side) is int and side > 0]
    if len(sides) != 2 or len(sizes) != 2 or math.prod(sizes) > MAX_PIXELS:
        raise WrongEntryError(
            "size",
            f"has run lengths of the size {', '.join(map(shown, sides[:3]))}, expected height and "
            f"width, of at most {MAX_PIXELS} pixels together",
        )
    return sizes[0], sizes[1]


def _ring(ring: object) -> NDArray[np.float64]:
    """Return the points of a polygon, float64 (K, 2), K at least 3."""
    if not isinstance(ring, np.ndarray):
        raise WrongEntryError(
            "number", f"has a polygon with {shown(ring)} in it, expected a list of numbers"
        )
    values = cast("NDArray[np.float64]", ring)
    if not len(values):
        raise WrongEntryError("polygon", "has an empty polygon")
    if len(values) % 2 or len(values) < 6:
        raise WrongEntryError(
            "values",
            f"has a polygon of {len(values)} values, expected x and y of at least 3 points",
        )
    if not np.all(np.abs(values) <= MAX_COORDINATE):  # NaN is not either
        raise WrongEntryError(
            "number", f"has a coordinate that is not finite, or beyond {MAX_COORDINATE} pixels"
        )
    return values.reshape(-1, 2)


def _array(
    values: list[object], kinds: set[type], dtype: str
) -> NDArray[np.generic] | list[object]:
    """Return numbers as an array; the list itself where they are none, or too large."""
    if not {type(value) for value in values} <= kinds:
        return values
    try:
        return np.array(values, dtype=dtype)
    except (OverflowError, ValueError):
        return values
