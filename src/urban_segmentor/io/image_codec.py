"""Stills decoded and encoded: JPEG, PNG, WebP, TIFF, BMP, whatever their depth or rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.errors import OutputError, SourceError

if TYPE_CHECKING:
    from urban_segmentor.structures.frame import Image

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
"""Of the files that count as images."""

_QUALITY_FLAGS = {
    ".jpg": cv2.IMWRITE_JPEG_QUALITY,
    ".jpeg": cv2.IMWRITE_JPEG_QUALITY,
    ".webp": cv2.IMWRITE_WEBP_QUALITY,
}
_USUAL_QUALITY = {".jpg": 95, ".jpeg": 95, ".webp": 90}
_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"


def decode_image(data: bytes, *, name: str) -> Image:
    """Return the picture in a file's bytes as uint8 (H, W, 3), RGB, upright, as `read_image`.

    Args:
        data: Of a JPEG, PNG, WebP, TIFF or BMP.
        name: What messages call it.

    Raises:
        SourceError: It is empty, cut off, or no picture.
    """
    if not data:
        raise SourceError(f"{name} is empty", hint="fetch it again")
    if _is_cut_off(data):
        raise SourceError(f"{name} is cut off: its end is missing", hint="fetch it again")
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


def encode_image(image: Image, *, suffix: str, quality: int | None = None) -> bytes:
    """Return an image as a file's bytes.

    Args:
        image: uint8 (H, W, 3), RGB.
        suffix: Names the format, such as `.jpg`.
        quality: Of JPEG and WebP, 0 to 100; None for the usual one.

    Raises:
        OutputError: No format has such a suffix, or it cannot hold this image.
    """
    suffix = suffix.lower()
    flag = _QUALITY_FLAGS.get(suffix)
    usual = _USUAL_QUALITY.get(suffix, 0) if quality is None else quality
    try:
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
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


def _is_cut_off(data: bytes) -> bool:
    """Return whether the end of a picture is missing, which decoders fill with grey.

    Cameras write previews before the picture and films behind it, so the end is looked for where
    it belongs.
    """
    if data.startswith(_JPEG_START):
        return data.find(_JPEG_END, _first_scan(data)) < 0
    if data.startswith(_PNG_START):
        position = len(_PNG_START)
        while data[position + 4 : position + 8] not in {b"IEND", b""}:
            position += 12 + int.from_bytes(data[position : position + 4], "big")
        return position + 12 > len(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return 8 + int.from_bytes(data[4:8], "little") > len(data)
    if data.startswith(b"BM"):
        return int.from_bytes(data[10:14], "little") + _bmp_pixels(data) > len(data)
    return False


def _first_scan(data: bytes) -> int:
    """Return where the first scan of a JPEG begins, behind the segments with the previews."""
    position = len(_JPEG_START)
    while position + 4 <= len(data) and data[position : position + 2] != _JPEG_SCAN:
        if data[position] != 0xFF:
            return 0  # no segment begins here; where the scan is cannot be told
        filled = data[position + 1] == 0xFF
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        position += 1 if filled else 2 + length
    return position


def _bmp_pixels(data: bytes) -> int:
    """Return how many bytes the pixels of an uncompressed BMP take."""
    width, height = (abs(int.from_bytes(data[i : i + 4], "little", signed=True)) for i in (18, 22))
    bits, compression = (int.from_bytes(data[i : i + 2], "little") for i in (28, 30))
    return 0 if compression in {1, 2} else (width * bits + 31) // 32 * 4 * height
