"""Stills decoded and encoded: JPEG, PNG, WebP, TIFF, BMP, whatever their depth or rotation."""

from __future__ import annotations

import io
from os import SEEK_END
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.errors import OutputError, SourceError
from urban_segmentor.io.image_header import (
    IMAGE_ERRORS,
    JPEG_END,
    PNG_END,
    is_cut_off,
    read_header,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Image

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
"""Of the files that count as images."""

_QUALITY_FLAGS = {
    ".jpg": cv2.IMWRITE_JPEG_QUALITY,
    ".jpeg": cv2.IMWRITE_JPEG_QUALITY,
    ".webp": cv2.IMWRITE_WEBP_QUALITY,
}
_USUAL_QUALITY = {".jpg": 95, ".jpeg": 95, ".webp": 90}
_DEEP_SUFFIXES = frozenset({".png", ".tif", ".tiff"})
_TO_BGR = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
_ENDS, _TAIL_BYTES = {"JPEG": JPEG_END, "PNG": PNG_END}, 64


def read_image(path: Path) -> Image:
    """Return an image as uint8 (H, W, 3), RGB, upright.

    EXIF rotation is applied, grey becomes RGB, 16 bits become 8, and opacity is left out.

    Args:
        path: JPEG, PNG, WebP, TIFF or BMP.

    Raises:
        SourceError: The file cannot be read, is cut off, or is no image.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    return decode_image(data, name=f"`{path}`")


def decode_image(data: bytes, *, name: str) -> Image:
    """Return the image in a file's bytes as uint8 (H, W, 3), RGB, upright, as `read_image`.

    Args:
        data: Of a JPEG, PNG, WebP, TIFF or BMP.
        name: What messages call it.

    Raises:
        SourceError: It is empty, cut off, or no image.
    """
    _check_whole(data, name=name)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise SourceError(
            f"{name} cannot be decoded: {error.err}", hint="open it in a picture viewer to see"
        ) from error
    if image is None:
        raise SourceError(
            f"{name} is damaged or no picture", hint="open it in a picture viewer to see"
        )
    return np.asarray(image, dtype=np.uint8)


def decode_label_image(data: bytes, *, name: str) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the stored values of a PNG, uint8 or uint16 (H, W) or (H, W, C), upright.

    Of a palette these are the indices, in which OpenCV would see the colors.

    Args:
        data: Of a PNG. Check first what its header states.
        name: What messages call it.

    Raises:
        SourceError: It is empty, cut off, or no PNG.
    """
    from PIL import ImageOps  # noqa: PLC0415 - heavy
    from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415 - heavy

    _check_whole(data, name=name)
    try:
        image = PngImageFile(io.BytesIO(data))
        ImageOps.exif_transpose(image, in_place=True)
        values = np.asarray(image)
    except IMAGE_ERRORS as error:
        raise SourceError(f"{name} is damaged: {error}", hint="save it again, as PNG") from error
    return values.astype(np.uint8) if values.dtype == np.bool_ else values


def image_size(path: Path) -> tuple[int, int]:
    """Return the height and width of an upright image, pixels.

    Header and end are read, and no pixel is decoded unless the end is not where it belongs.

    Args:
        path: JPEG, PNG, WebP, TIFF or BMP.

    Raises:
        SourceError: The file cannot be read, is cut off, or is no image.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file, name=f"`{path}`")
            behind = file.tell()
            file.seek(max(behind, file.seek(0, SEEK_END) - _TAIL_BYTES))
            tail = file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    end = _ENDS.get(header.format)
    if end is not None and end in tail:
        return header.size
    image = read_image(path)
    return image.shape[0], image.shape[1]


def encode_image(
    image: NDArray[np.uint8] | NDArray[np.uint16], *, suffix: str, quality: int | None = None
) -> bytes:
    """Return an image as a file's bytes.

    Args:
        image: uint8 (H, W, 3) RGB, (H, W) grey or (H, W, 4) RGBA; or uint16 (H, W), for PNG and
            TIFF.
        suffix: Names the format, such as `.jpg`.
        quality: Of JPEG and WebP, 0 to 100; None for the usual one.

    Raises:
        OutputError: No format has such a suffix, or it cannot hold this image.
    """
    suffix = suffix.lower()
    if image.dtype != np.uint8 and suffix not in _DEEP_SUFFIXES:
        raise OutputError(f"`{suffix}` holds 8 bits, got {image.dtype}", hint="write a `.png`")
    flag = _QUALITY_FLAGS.get(suffix)
    usual = _USUAL_QUALITY.get(suffix, 0) if quality is None else quality
    try:
        bgr = image if image.ndim == 2 else cv2.cvtColor(image, _TO_BGR[image.shape[2]])
        # OpenCV's own choice for PNG, runs of equal bytes, is thrice as fast as any level of zlib,
        # and makes label images smaller.
        done, data = cv2.imencode(suffix, bgr, [] if flag is None else [flag, usual])
    except cv2.error as error:
        raise OutputError(
            f"cannot encode an image as {f'`{suffix}`' if suffix else 'a file without suffix'}: "
            f"{error.err}",
            hint=f"the suffix must be one of {', '.join(sorted(IMAGE_SUFFIXES))}",
        ) from error
    if not done:
        raise OutputError(f"cannot encode an image as `{suffix}`", hint="choose another format")
    return data.tobytes()


def _check_whole(data: bytes, *, name: str) -> None:
    if not data:
        raise SourceError(f"{name} is empty", hint="fetch it again")
    if is_cut_off(data):
        raise SourceError(f"{name} is cut off: its end is missing", hint="fetch it again")


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"cannot read `{path}`: {error.strerror or error}",
        hint="check the path and its permissions",
    )
