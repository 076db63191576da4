"""Reading of PNG masks and maps: the size is checked before pixels are decoded."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.resizing import MAX_PIXELS, check_fit
from urban_segmentor.evaluation.predictions.untrusted_files import read_inside
from urban_segmentor.io.writers.coco_panoptic import panoptic_ids

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_OVERHEAD_BYTES = 2**20
_MAX_BYTES_PER_PIXEL = 9
"""Four channels of 16 bits that cannot be compressed, and the overhead of rows."""

_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
"""Exceptions of Pillow on damaged files."""


def read_mask(path: Path, *, root: Path, size: tuple[int, int], resize: bool) -> NDArray[np.bool_]:
    """Return the mask of one object, bool (h, w), true where the image is not black.

    Args:
        path: The PNG, of any depth or color, as the official script takes it.
        root: The folder that it must lie in.
        size: Height and width of the ground truth, pixels.
        resize: True when it may have another size of the same shape.

    Raises:
        PredictionError: It is missing, damaged, lies outside, or has another size.
    """
    image = _read(path, root=root, size=size, resize=resize)
    grey = image if image.mode.startswith("I") else image.convert("L")
    return np.asarray(grey) != 0


def read_label_ids(
    path: Path, *, root: Path, size: tuple[int, int] | None, resize: bool
) -> NDArray[np.uint8]:
    """Return a semantic map of label ids, uint8 (h, w); of a palette image its indices.

    Args:
        path: The PNG, grey or with a palette, 8 bits.
        root: The folder that it must lie in.
        size: Height and width of the ground truth, pixels, or None for any.
        resize: True when it may have another size of the same shape.

    Raises:
        PredictionError: It is missing, damaged, lies outside, has another size, or has colors.
    """
    image = _read(path, root=root, size=size, resize=resize)
    if image.mode not in {"L", "P"}:
        raise PredictionError(
            f"`{path}` is no 8-bit grey picture of label ids, but {_describe_mode(image.mode)}",
            hint="save label ids, not colors; for panoptic results give their .json file",
        )
    return np.asarray(image, dtype=np.uint8)


def read_segment_ids(
    path: Path, *, root: Path, size: tuple[int, int], resize: bool
) -> NDArray[np.int32]:
    """Return the segment ids of a panoptic PNG, int32 (h, w), R + 256 G + 65536 B.

    Args:
        path: The PNG, RGB, 8 bits.
        root: The folder that it must lie in.
        size: Height and width of the ground truth, pixels.
        resize: True when it may have another size of the same shape.

    Raises:
        PredictionError: It is missing, damaged, lies outside, has another size, or is no RGB.
    """
    image = _read(path, root=root, size=size, resize=resize)
    if image.mode not in {"RGB", "RGBA"}:
        raise PredictionError(
            f"`{path}` is no RGB picture of segment ids, but {_describe_mode(image.mode)}",
            hint="a segment's color is its id, R + 256 G + 65536 B, as panopticapi has it",
        )
    return panoptic_ids(np.asarray(image, dtype=np.uint8))


def _read(path: Path, *, root: Path, size: tuple[int, int] | None, resize: bool) -> Image.Image:
    max_pixels = MAX_PIXELS if size is None or resize else size[0] * size[1]
    data = read_inside(root, path, max_bytes=max_pixels * _MAX_BYTES_PER_PIXEL + _OVERHEAD_BYTES)
    image_size = _size(data, path)
    if size is not None:
        check_fit(image_size, size, resize=resize, context=f"`{path}`")
    elif image_size[0] * image_size[1] > MAX_PIXELS:
        raise PredictionError(
            f"`{path}` claims {image_size[1]} x {image_size[0]} pixels, at most {MAX_PIXELS} "
            "are read",
            hint="predict at the size of the ground truth",
        )
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        image.load()
    except _DECODE_ERRORS as error:
        raise PredictionError(
            f"`{path}` is damaged: {error}", hint="copy or save the predictions again"
        ) from error
    return image


def _size(data: bytes, path: Path) -> tuple[int, int]:
    """Return height and width of the PNG header, both at least 1."""
    head = data[len(_START) : len(_START) + 8]
    width, height = (int.from_bytes(side, "big") for side in (head[:4], head[4:]))
    if not data.startswith(_START) or len(head) < 8 or not width or not height:
        raise PredictionError(
            f"`{path}` is {'no PNG image' if data else 'empty'}",
            hint="save the predictions again, as PNG",
        )
    return height, width


def _describe_mode(mode: str) -> str:
    return {"1": "black and white", "RGB": "colored", "RGBA": "colored"}.get(
        mode, "16-bit grey" if mode.startswith("I") else f"of the kind {mode}"
    )
