"""COCO run-length encoding (RLE) of masks, both ways, lossless, without full-frame arrays.

A mask is read down its columns, left to right; the counts are the lengths of its runs, the first
of them background. The compressed string holds each count in groups of five bits, from the fourth
count on as its difference to the count two before.

Source: `maskApi.c` of cocoapi, which pycocotools wraps; the strings are equal byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.masks import Crop, Masks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_PIXELS = 2**31
"""Maximum pixels of an image; pycocotools counts them in 32 bits."""

_MAX_GROUPS = 7
"""Groups of five bits that one count may take; six hold every count below `MAX_PIXELS`."""


class Rle(TypedDict):
    """Compressed RLE of one mask.

    Attributes:
        size: Height and width of the image, pixels.
        counts: The compressed run lengths, ASCII.
    """

    size: list[int]
    counts: str


def encode_rle(masks: Masks) -> list[Rle]:
    """Return the RLE of each mask, in order.

    Args:
        masks: N masks, bool crops (h, w) at int32 origins (N, 2); the crops need not be tight.

    Raises:
        ShapeError: The image has more than 2**31 pixels.
    """
    height, width = masks.image_size
    _check_size(height, width)
    return [
        {"size": [height, width], "counts": _compress(_counts(crop, x, y, masks.image_size))}
        for crop, (x, y) in zip(masks.crops, masks.origins.tolist(), strict=True)
    ]


def compressed_rle(counts: NDArray[np.int64], *, image_size: tuple[int, int]) -> Rle:
    """Return plain run lengths as COCO's compressed ones; `decode_rle` checks them.

    Args:
        counts: int64 (R,), R at least 1, the first of background.
        image_size: Height and width of the image, pixels.
    """
    return {"size": list(image_size), "counts": _compress(counts)}


def decode_rle(rles: Sequence[Rle], *, image_size: tuple[int, int] | None = None) -> Masks:
    """Return the masks of RLEs, bool crops (h, w); an empty mask has a (0, 0) crop.

    Args:
        rles: N RLEs of one image.
        image_size: Height and width of the image, pixels; by default that of the first mask.

    Raises:
        ShapeError: An RLE is invalid, or the sizes differ.
    """
    if image_size is None:
        if not rles:
            raise ShapeError("no masks to take the image size from: pass `image_size`")
        image_size = _size(rles[0])
    crops: list[Crop] = []
    origins = np.zeros((len(rles), 2), dtype=np.int32)
    for i, rle in enumerate(rles):
        size = _size(rle)
        if size != image_size:
            raise ShapeError(f"`rles[{i}]` has the size {size}, expected {image_size}")
        crop, origins[i] = _paint(_parse(rle), size[0])
        crops.append(crop)
    return Masks(crops=tuple(crops), origins=origins, image_size=image_size)


def decode_counts(
    counts: NDArray[np.int64], *, image_size: tuple[int, int]
) -> tuple[Crop, tuple[int, int]]:
    """Return the mask of plain run lengths, bool (h, w) without empty borders, and its x and y.

    Args:
        counts: int64 (R,), lengths of runs down the columns, the first of them background.
        image_size: Height and width of the picture, pixels.

    Raises:
        ShapeError: They are no run lengths of this size.

    >>> decode_counts(np.array([3, 1, 2]), image_size=(2, 3))[1]
    (1, 1)
    """
    height, width = image_size
    pixels = height * width
    # Each run is checked before the sum, which could else overflow.
    if counts.min(initial=0) < 0 or counts.max(initial=0) > pixels or len(counts) > pixels + 2:
        raise ShapeError(f"`counts` must be run lengths of {height} x {width} pixels")
    if (total := int(counts.sum())) != pixels:
        raise ShapeError(f"`counts` must add up to {height} x {width} = {pixels}, got {total}")
    return _paint(np.append(counts, 0) if len(counts) % 2 else counts, height)


def rle_areas(rles: Sequence[Rle]) -> NDArray[np.int64]:
    """Return the area of each RLE, pixels, int64 (N,).

    Args:
        rles: N RLEs, of any sizes.

    Raises:
        ShapeError: An RLE is invalid.
    """
    return np.array([_parse(rle)[1::2].sum() for rle in rles], dtype=np.int64)


def _counts(crop: Crop, x: int, y: int, image_size: tuple[int, int]) -> NDArray[np.int64]:
    """Return the run lengths of the whole image from the crop, int64 (R,)."""
    height, width = image_size
    rows, cols = crop.shape
    edges: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    if crop.size:
        # Differences down the columns, found row by row: sorting a few thousand run ends costs
        # less than transposing every pixel.
        pixels = crop.view(np.uint8)
        change = np.empty((rows + 1, cols), dtype=np.uint8)
        change[0], change[rows] = pixels[0], pixels[-1]
        np.bitwise_xor(pixels[1:], pixels[:-1], out=change[1:rows])
        row, col = np.divmod(np.flatnonzero(change.view(np.bool_)), cols)
        edges = np.sort((col + x) * height + row + y)
    if rows == height and len(edges):
        # A run that reaches the bottom and the one that starts at the next top are one run.
        differs = edges[1:] != edges[:-1]
        edges = edges[np.append(True, differs) & np.append(differs, True)]
    if len(edges) and edges[-1] == height * width:
        return np.diff(edges, prepend=0)
    return np.diff(edges, prepend=0, append=height * width)


def _compress(counts: NDArray[np.int64]) -> str:
    """Return run lengths, int64 (R,), as COCO's string."""
    rest = counts.copy()
    rest[3:] -= counts[1:-2]
    groups: list[NDArray[np.int64]] = []
    in_use: list[NDArray[np.bool_]] = []
    more = np.ones(len(rest), dtype=np.bool_)
    while more.any():
        in_use.append(more)
        bits = rest & 31
        rest = rest >> 5
        # The sign is that of the last group's highest bit, so a group more may be needed.
        more = more & (rest != np.where(bits & 16, -1, 0))
        groups.append(bits + 32 * more + 48)
    chars = np.stack(groups, axis=1)[np.stack(in_use, axis=1)]
    return chars.astype(np.uint8).tobytes().decode("ascii")


def _parse(rle: Rle) -> NDArray[np.int64]:
    """Return the run lengths, int64 (R,), R even, none negative, checked against the size."""
    height, width = _size(rle)
    codes = _codes(rle.get("counts"))
    last = (codes & 32) == 0
    if not len(codes) or not last[-1]:
        raise ShapeError("`counts` ends in the middle of a run length")
    ends = np.flatnonzero(last)
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    if lengths.max() > _MAX_GROUPS:
        raise ShapeError(f"`counts` has a run length of more than {_MAX_GROUPS} characters")
    place = np.arange(len(codes)) - np.repeat(starts, lengths)
    counts = np.add.reduceat((codes & 31) << (5 * place), starts)
    counts -= np.where(codes[ends] & 16, np.int64(1) << (5 * lengths), 0)
    counts[1::2] = np.cumsum(counts[1::2])
    counts[2::2] = np.cumsum(counts[2::2])
    total = int(counts.sum())
    if counts.min() < 0 or counts.max() > MAX_PIXELS or total != height * width:
        raise ShapeError(
            f"`counts` must be run lengths that add up to {height} x {width} = {height * width}, "
            f"got a sum of {total} and a smallest of {counts.min()}"
        )
    return np.append(counts, 0) if len(counts) % 2 else counts


def _codes(counts: object) -> NDArray[np.int64]:
    """Return the six-bit value of every character, int64 (L,)."""
    if not isinstance(counts, str):
        raise ShapeError(
            f"`counts` must be a compressed string, got {type(counts).__name__}; "
            "compress plain lists with `pycocotools.mask.frPyObjects`"
        )
    raw = np.frombuffer(counts.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    codes = raw.astype(np.int64) - 48
    wrong = np.flatnonzero((codes < 0) | (codes > 63))
    if len(wrong):
        raise ShapeError(f"`counts` has a byte {raw[wrong[0]]} that the encoding does not use")
    return codes


def _paint(counts: NDArray[np.int64], height: int) -> tuple[Crop, tuple[int, int]]:
    """Return the tight crop of checked run lengths and the x, y of its first pixel."""
    ends = np.cumsum(counts)
    first, stop = ends[0::2], ends[1::2]
    solid = first < stop
    first, stop = first[solid], stop[solid]
    if not len(first):
        return np.zeros((0, 0), dtype=np.bool_), (0, 0)
    left, last_col = int(first[0]) // height, (int(stop[-1]) - 1) // height
    # A run over the foot of a column covers both the last row and the first.
    wraps = bool(np.any(first // height != (stop - 1) // height))
    top = 0 if wraps else int((first % height).min())
    bottom = height if wraps else int(((stop - 1) % height).max()) + 1

    # Background before the first and after the last pixel is cut down to the crop's columns.
    edges = np.stack([first, stop], axis=1).ravel() - left * height
    runs = np.diff(edges, prepend=0, append=(last_col + 1 - left) * height)
    columns = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(-1, height)
    return np.ascontiguousarray(columns.T[top:bottom]), (left, top)


def _size(rle: Rle) -> tuple[int, int]:
    """Return the checked height and width."""
    try:
        height, width = rle["size"]
    except (KeyError, TypeError, ValueError) as error:
        raise ShapeError(f"`size` must be [height, width], got {rle!r}") from error
    if not all(type(side) is int for side in (height, width)):
        raise ShapeError(f"`size` must be two whole numbers, got {rle['size']!r}")
    _check_size(height, width)
    return height, width


def _check_size(height: int, width: int) -> None:
    if height < 0 or width < 0 or height * width > MAX_PIXELS:
        raise ShapeError(
            f"`size` must be at least 0 x 0 and at most 2**31 pixels, got {height} x {width}"
        )
