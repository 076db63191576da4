"""Masks as COCO files have them: run lengths, compressed or plain, and polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from urban_segmentor.errors import MissingExtraError, PredictionError, ShapeError
from urban_segmentor.evaluation.predictions.parsing import as_list, as_size, shown
from urban_segmentor.evaluation.predictions.resizing import MAX_PIXELS
from urban_segmentor.structures.masks import Crop, Masks
from urban_segmentor.structures.polygons import MAX_COORDINATE
from urban_segmentor.structures.rle import Rle, decode_rle

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BOXES_ONLY = "save masks too (`segmentation`): boxes alone cannot be scored by the official rules"
_MOST_LETTERS = 7
"""Letters that one run length takes at most."""

_OUTLINE_PX = 2**22
"""Longest outline of a mask, as polygons are walked step by step: twice the pixels of a frame."""


class RunLengths(NamedTuple):
    """A mask as run lengths.

    Attributes:
        size: Height and width of the picture, pixels.
        counts: The compressed string, or int64 (R,), the runs themselves.
    """

    size: tuple[int, int]
    counts: str | NDArray[np.int64]


class Rings(NamedTuple):
    """A mask as polygons.

    Attributes:
        rings: float64 (K, 2) each, K at least 3, x and y in pixels, pixel centres at .5.
    """

    rings: tuple[NDArray[np.float64], ...]


Segmentation = RunLengths | Rings
"""A mask that is not decoded yet."""


def compacted(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object, its long lists of numbers as arrays, which take a fifth of the memory.

    Args:
        entry: Any object of the file; what is no list of numbers stays as it is.
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


def parse_segmentation(value: object, *, where: str) -> Segmentation:
    """Return a mask, checked as far as that goes without decoding it.

    Args:
        value: The `segmentation` of an annotation, after `compacted`.
        where: What annotation it is, for messages.

    Raises:
        PredictionError: It is missing, or neither run lengths nor polygons.
    """
    if value is None or value == []:
        raise PredictionError(f"{where} has no mask", hint=_BOXES_ONLY)
    if isinstance(value, list):
        rings = cast("list[object]", value)
        return Rings(_checked_rings(rings, where=where))
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    counts = fields.get("counts")
    if not isinstance(counts, (str, np.ndarray)):
        raise PredictionError(
            f"{where} has the segmentation {shown(cast('object', value))}, expected run lengths "
            '{"size": [height, width], "counts": ...} or a list of polygons',
            hint="save masks as pycocotools does, `counts` as text",
        )
    sides = as_list(fields.get("size"), where=f"{where}: `size`")
    if (
        len(sides) != 2
        or (size := as_size(sides[0], sides[1], most=MAX_PIXELS, where=f"{where}: the mask"))
        is None
    ):
        raise PredictionError(
            f"{where} has a `size` of {len(sides)} values, expected height and width",
            hint="save masks as pycocotools does",
        )
    return RunLengths(size, cast("str | NDArray[np.int64]", counts))


def decode(
    mask: Segmentation, *, drawn_on: tuple[int, int], where: str
) -> tuple[Crop, tuple[int, int]]:
    """Return a mask, bool (h, w), inside its rectangle, and the x, y of its first pixel.

    Args:
        mask: Run lengths or polygons.
        drawn_on: Height and width of the picture that polygons mean, pixels.
        where: What annotation it is, for messages.

    Raises:
        PredictionError: Run lengths are damaged.
        MissingExtraError: Polygons need faster-coco-eval, which is not installed.
    """
    try:
        if isinstance(mask, Rings):
            masks = decode_rle([_rasterized(mask, drawn_on)])
        elif isinstance(mask.counts, str):
            masks = _decompressed(mask.counts, mask.size)
        else:
            masks = _unrolled(mask.counts, mask.size)
    except ShapeError as error:
        raise PredictionError(
            f"{where} has damaged run lengths: {error}", hint="save the predictions again"
        ) from error
    x, y = masks.origins[0].tolist()
    return masks.crops[0], (x, y)


def _decompressed(counts: str, size: tuple[int, int]) -> Masks:
    most = _MOST_LETTERS * (size[0] * size[1] + 2)
    if len(counts) > most:  # before eight bytes are taken for each letter
        raise ShapeError(f"`counts` has {len(counts)} letters, at most {most} make sense")
    return decode_rle([{"size": list(size), "counts": counts}])


def _unrolled(counts: NDArray[np.int64], size: tuple[int, int]) -> Masks:
    """Return the mask of plain run lengths."""
    height, width = size
    pixels = height * width
    # Each run is checked before the sum, which could else overflow.
    if len(counts) > pixels + 2 or counts.min(initial=0) < 0 or counts.max(initial=0) > pixels:
        raise ShapeError(f"`counts` must be run lengths of {height} x {width} pixels")
    if (total := int(counts.sum())) != pixels:
        raise ShapeError(f"`counts` must add up to {height} x {width} = {pixels}, got {total}")
    columns = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height)
    return Masks.from_dense(columns.T[None])


def _rasterized(mask: Rings, drawn_on: tuple[int, int]) -> Rle:
    """Return the run lengths of polygons, as pycocotools draws them."""
    try:
        from faster_coco_eval.core import mask as library  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("faster_coco_eval", extra="eval") from error
    height, width = drawn_on
    rings = [ring.ravel().tolist() for ring in mask.rings]
    found = cast("list[dict[str, Any]]", library.frPyObjects(rings, height, width))
    merged = cast("dict[str, bytes]", library.merge(found))
    return {"size": [height, width], "counts": merged["counts"].decode("ascii")}


def _checked_rings(values: list[object], *, where: str) -> tuple[NDArray[np.float64], ...]:
    rings = tuple(_ring(ring, where=f"{where}: polygon {i}") for i, ring in enumerate(values))
    steps = (np.abs(ring - np.roll(ring, 1, axis=0)).max(axis=1).sum() for ring in rings)
    if sum(steps) > _OUTLINE_PX:
        raise PredictionError(
            f"{where} has outlines of more than {_OUTLINE_PX} pixels together",
            hint="polygons are in pixels of the picture",
        )
    return rings


def _ring(value: object, *, where: str) -> NDArray[np.float64]:
    numbers = cast("NDArray[np.float64]", value) if isinstance(value, np.ndarray) else None
    if numbers is None or len(numbers) % 2 or len(numbers) < 6:
        length = shown(cast("object", value)) if numbers is None else f"{len(numbers)} numbers"
        raise PredictionError(
            f"{where} is {length}, expected x, y of three points at least: [x1, y1, x2, y2, ...]",
            hint="leave out parts without area, or save masks as run lengths",
        )
    ring = numbers.reshape(-1, 2)
    if not np.abs(ring).max() <= MAX_COORDINATE:  # also when it is NaN
        raise PredictionError(
            f"{where} has a point that is not finite, or beyond {MAX_COORDINATE} pixels",
            hint="polygons are in pixels of the picture",
        )
    return ring


def _array(values: list[object], kinds: set[type], dtype: str) -> object:
    """Return numbers as an array, or the list itself when it has something else in it."""
    if not set(map(type, values)) <= kinds:
        return values
    try:
        return np.array(values, dtype=dtype)
    except OverflowError:
        return values
