"""Reading of PNG masks and maps: the size is checked before pixels are decoded."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.errors import PredictionError, SourceError
from urban_segmentor.evaluation.predictions.resizing import MAX_PIXELS, check_fit
from urban_segmentor.evaluation.predictions.untrusted_files import read_inside
from urban_segmentor.io.image_codec import decode_image, decode_label_image
from urban_segmentor.io.image_header import image_format, read_header
from urban_segmentor.io.writers.coco_panoptic import panoptic_ids

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray

_OVERHEAD_BYTES = 2**20
_MAX_BYTES_PER_PIXEL = 9
"""Four channels of 16 bits that cannot be compressed, and the overhead of rows."""


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
    data, mode = _read(path, root=root, size=size, resize=resize)
    with _prediction_errors():
        if mode in {"1", "L", "I;16"}:
            return decode_label_image(data, name=f"`{path}`") != 0
        image = decode_image(data, name=f"`{path}`")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)) != 0


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
    data, mode = _read(path, root=root, size=size, resize=resize)
    if mode not in {"L", "P"}:
        raise PredictionError(
            f"`{path}` is no 8-bit grey picture of label ids, but {_describe_mode(mode)}",
            hint="save label ids, not colors; for panoptic results give their .json file",
        )
    with _prediction_errors():
        return decode_label_image(data, name=f"`{path}`").astype(np.uint8, copy=False)


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
    data, mode = _read(path, root=root, size=size, resize=resize)
    if mode not in {"RGB", "RGBA"}:
        raise PredictionError(
            f"`{path}` is no RGB picture of segment ids, but {_describe_mode(mode)}",
            hint="a segment's color is its id, R + 256 G + 65536 B, as panopticapi has it",
        )
    with _prediction_errors():
        image = decode_label_image(data, name=f"`{path}`")
    return panoptic_ids(image.astype(np.uint8, copy=False))


def _read(
    path: Path, *, root: Path, size: tuple[int, int] | None, resize: bool
) -> tuple[bytes, str]:
    """Return a PNG that is not too large to decode, and Pillow's name for its channels."""
    max_pixels = MAX_PIXELS if size is None or resize else size[0] * size[1]
    data = read_inside(root, path, max_bytes=max_pixels * _MAX_BYTES_PER_PIXEL + _OVERHEAD_BYTES)
    if image_format(data) != "PNG":
        raise PredictionError(
            f"`{path}` is {'no PNG image' if data else 'empty'}",
            hint="save the predictions again, as PNG",
        )
    with _prediction_errors():
        header = read_header(data, name=f"`{path}`")
    height, width = header.size
    if size is not None:
        check_fit(header.size, size, resize=resize, context=f"`{path}`")
    elif height * width > MAX_PIXELS:
        raise PredictionError(
            f"`{path}` claims {width} x {height} pixels, at most {MAX_PIXELS} are read",
            hint="predict at the size of the ground truth",
        )
    return data, header.mode


@contextmanager
def _prediction_errors() -> Generator[None]:
    """Return a context in which a file that is damaged is an error of the predictions."""
    try:
        yield
    except SourceError as error:
        raise PredictionError(str(error), hint="copy or save the predictions again") from error


def _describe_mode(mode: str) -> str:
    return {"1": "black and white", "RGB": "colored", "RGBA": "colored"}.get(
        mode, "16-bit grey" if mode.startswith("I") else f"of the kind {mode}"
    )
