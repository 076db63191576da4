"""COCO `segmentation` values: compressed RLE, uncompressed RLE, and polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from urban_segmentor.errors import MissingExtraError, PredictionError, ShapeError
from urban_segmentor.evaluation.predictions.json_values import as_list, as_size, describe
from urban_segmentor.evaluation.predictions.resizing import MAX_PIXELS
from urban_segmentor.structures.masks import Crop, Masks
from urban_segmentor.structures.polygons import MAX_COORDINATE
from urban_segmentor.structures.rle import Rle, decode_rle

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BOXES_ONLY = "save masks too (`segmentation`): boxes alone cannot be scored by the official rules"
_MAX_LETTERS = 7
"""Maximum letters of one run length."""

_MAX_OUTLINE_PX = 2**22
"""Maximum outline of a mask, as polygons are walked step by step: twice a frame's pixels."""


class RunLengths(NamedTuple):
    """A mask as RLE.

    Attributes:
        size: Height and width of the image, pixels.
        counts: The compressed string, or the uncompressed run lengths, int64 (R,).
    """

    size: tuple[int, int]
    counts: str | NDArray[np.int64]


class Polygons(NamedTuple):
    """A mask as polygons.

    Attributes:
        rings: float64 (K, 2) each, K at least 3, x and y in pixels, pixel centres at .5.
    """

    rings: tuple[NDArray[np.float64], ...]


Segmentation = RunLengths | Polygons
"""A mask that is not decoded."""


def compact_numbers(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object with lists of numbers as arrays, which take a fifth of the memory.

    Args:
        entry: Any object of the file; other values stay as they are.
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


def parse_segmentation(value: object, *, context: str) -> Segmentation:
    """Return a parsed `segmentation`, checked as far as possible without decoding it.

    Args:
        value: The `segmentation` of an annotation, after `compact_numbers`.
        context: The annotation, subject of error messages.

    Raises:
        PredictionError: It is missing, or neither RLE nor polygons.
    """
    if value is None or value == []:
        raise PredictionError(f"{context} has no mask", hint=_BOXES_ONLY)
    if isinstance(value, list):
        rings = cast("list[object]", value)
        return Polygons(_checked_rings(rings, context=context))
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    counts = fields.get("counts")
    if not isinstance(counts, (str, np.ndarray)):
        raise PredictionError(
            f"{context} has the segmentation {describe(cast('object', value))}, expected run "
            'lengths {"size": [height, width], "counts": ...} or a list of polygons',
            hint="save masks as pycocotools does, `counts` as text",
        )
    sides = as_list(fields.get("size"), context=f"{context}: `size`")
    if (
        len(sides) != 2
        or (
            size := as_size(
                sides[0], sides[1], max_pixels=MAX_PIXELS, context=f"{context}: the mask"
            )
        )
        is None
    ):
        raise PredictionError(
            f"{context} has a `size` of {len(sides)} values, expected height and width",
            hint="save masks as pycocotools does",
        )
    return RunLengths(size, cast("str | NDArray[np.int64]", counts))


def decode_mask(
    mask: Segmentation, *, image_size: tuple[int, int], context: str
) -> tuple[Crop, tuple[int, int]]:
    """Return the cropped mask, bool (h, w), and its origin x, y.

    Args:
        mask: RLE or polygons.
        image_size: Height and width of the image that polygons refer to, pixels.
        context: The annotation, subject of error messages.

    Raises:
        PredictionError: The RLE is invalid.
        MissingExtraError: Polygons need faster-coco-eval, which is not installed.
    """
    try:
        if isinstance(mask, Polygons):
            masks = decode_rle([_rasterize(mask, image_size)])
        elif isinstance(mask.counts, str):
            masks = _decode_compressed(mask.counts, mask.size)
        else:
            masks = _decode_plain(mask.counts, mask.size)
    except ShapeError as error:
        raise PredictionError(
            f"{context} has damaged run lengths: {error}", hint="save the predictions again"
        ) from error
    x, y = masks.origins[0].tolist()
    return masks.crops[0], (x, y)


def _decode_compressed(counts: str, size: tuple[int, int]) -> Masks:
    max_letters = _MAX_LETTERS * (size[0] * size[1] + 2)
    if len(counts) > max_letters:  # before eight bytes are taken for each letter
        raise ShapeError(f"`counts` has {len(counts)} letters, at most {max_letters} make sense")
    return decode_rle([{"size": list(size), "counts": counts}])


def _decode_plain(counts: NDArray[np.int64], size: tuple[int, int]) -> Masks:
    height, width = size
    pixels = height * width
    # Each run is checked before the sum, which could else overflow.
    if len(counts) > pixels + 2 or counts.min(initial=0) < 0 or counts.max(initial=0) > pixels:
        raise ShapeError(f"`counts` must be run lengths of {height} x {width} pixels")
    if (total := int(counts.sum())) != pixels:
        raise ShapeError(f"`counts` must add up to {height} x {width} = {pixels}, got {total}")
    columns = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height)
    return Masks.from_dense(columns.T[None])


def _rasterize(mask: Polygons, image_size: tuple[int, int]) -> Rle:
    """Return the RLE of polygons, as pycocotools rasterizes them."""
    try:
        from faster_coco_eval.core import mask as library  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("faster_coco_eval", extra="eval") from error
    height, width = image_size
    rings = [ring.ravel().tolist() for ring in mask.rings]
    rles = cast("list[dict[str, Any]]", library.frPyObjects(rings, height, width))
    merged = cast("dict[str, bytes]", library.merge(rles))
    return {"size": [height, width], "counts": merged["counts"].decode("ascii")}


def _checked_rings(values: list[object], *, context: str) -> tuple[NDArray[np.float64], ...]:
    rings = tuple(_ring(ring, context=f"{context}: polygon {i}") for i, ring in enumerate(values))
    steps = (np.abs(ring - np.roll(ring, 1, axis=0)).max(axis=1).sum() for ring in rings)
    if sum(steps) > _MAX_OUTLINE_PX:
        raise PredictionError(
            f"{context} has outlines of more than {_MAX_OUTLINE_PX} pixels together",
            hint="polygons are in pixels of the picture",
        )
    return rings


def _ring(value: object, *, context: str) -> NDArray[np.float64]:
    numbers = cast("NDArray[np.float64]", value) if isinstance(value, np.ndarray) else None
    if numbers is None or len(numbers) % 2 or len(numbers) < 6:
        length = describe(cast("object", value)) if numbers is None else f"{len(numbers)} numbers"
        raise PredictionError(
            f"{context} is {length}, expected x, y of three points at least: [x1, y1, x2, y2, ...]",
            hint="leave out parts without area, or save masks as run lengths",
        )
    ring = numbers.reshape(-1, 2)
    if not np.abs(ring).max() <= MAX_COORDINATE:  # also when it is NaN
        raise PredictionError(
            f"{context} has a point that is not finite, or beyond {MAX_COORDINATE} pixels",
            hint="polygons are in pixels of the picture",
        )
    return ring


def _array(values: list[object], kinds: set[type], dtype: str) -> object:
    """Return a list of numbers as an array, or the list itself when it has other values."""
    if not set(map(type, values)) <= kinds:
        return values
    try:
        return np.array(values, dtype=dtype)
    except OverflowError:
        return values
