"""What an image file says of itself before it is decoded: its format, its size, and its end."""

from __future__ import annotations

import io
import re
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

from urban_segmentor.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PIL.ImageFile import ImageFile

IMAGE_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError),
    *(struct.error, zlib.error, Warning),
)
"""What Pillow raises on damaged files; its warnings, too, where somebody makes errors of them."""

JPEG_END, PNG_END = b"\xff\xd9", b"IEND\xae\x42\x60\x82"
_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
}
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")  # of a segment, or of the end
_EXIF_ORIENTATION, _TURNED = 0x0112, frozenset({5, 6, 7, 8})
_TILE_WIDTH, _TILE_HEIGHT = 322, 323  # tags of TIFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """Format and size that an image file states.

    Attributes:
        format: `JPEG`, `PNG`, `WebP`, `TIFF` or `BMP`.
        mode: Pillow's name for the channels and their depth, such as `L`, `P`, `RGB`, `I;16`.
        size: Height and width of the upright image, pixels; both at least 1.
        tile_px: Pixels of a tile of a TIFF, which may exceed those of the image; else 0.
    """

    format: str
    mode: str
    size: tuple[int, int]
    tile_px: int = 0


def image_format(data: bytes) -> str | None:
    """Return the format that the first bytes of a file name, such as `JPEG`, or None.

    Args:
        data: The file, or its first 12 bytes.
    """
    for start, name in _STARTS.items():
        if data.startswith(start) and (name != "WebP" or data[8:12] == b"WEBP"):
            return name
    return None


def read_header(source: bytes | BinaryIO, *, name: str) -> ImageHeader:
    """Return what the header of an image file states; a file is read no further than that.

    Args:
        source: The file, or an open one at its beginning.
        name: What messages call it.

    Raises:
        SourceError: It is no image, or its header is damaged.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    start = file.read(12)
    file.seek(0)
    known = image_format(start)
    damaged = SourceError(
        f"{name} is damaged or no picture", hint="open it in a picture viewer to see"
    )
    if known is None:
        raise damaged
    try:
        image = _readers()[known](file)
        width, height = image.size
        tile_px = _tile_px(image)
    except IMAGE_ERRORS as error:
        raise damaged from error
    # Pillow states the size of a TIFF as it is upright.
    turned = known != "TIFF" and _orientation(image) in _TURNED
    size = (width, height) if turned else (height, width)
    return ImageHeader(format=known, mode=image.mode, size=size, tile_px=tile_px)


def is_cut_off(data: bytes) -> bool:
    """Return whether the end of an image file is missing, which decoders fill with grey.

    This looks for the mark of the end, which takes a thirtieth of the time of decoding at most.
    Cameras write previews before the image and films behind it, so it is looked for where it
    belongs.

    Args:
        data: The file; what is no image is not cut off.
    """
    kind = image_format(data)
    if kind == "JPEG":
        return JPEG_END[1] not in jpeg_markers(data)
    if kind == "PNG":
        return data.rfind(PNG_END) < 0  # from behind, where it mostly is
    if kind == "WebP":
        return 8 + int.from_bytes(data[4:8], "little") > len(data)
    return kind == "BMP" and _bmp_length(data) > len(data)


def jpeg_markers(data: bytes) -> Iterator[int]:
    """Yield the second byte of each marker of a JPEG, up to that of the end.

    Args:
        data: The file.
    """
    position = 2
    while match := _JPEG_MARKER.search(data, position):
        yield match[1][0]
        if match[0] == JPEG_END:
            return
        position = match.end() + int.from_bytes(data[match.end() : match.end() + 2], "big")


@cache
def _readers() -> dict[str, Callable[[BinaryIO], ImageFile]]:
    """Return Pillow's reader of each format.

    `Image.open` would warn of large images, and load the readers of forty other formats.
    """
    from PIL.BmpImagePlugin import BmpImageFile  # noqa: PLC0415 - heavy
    from PIL.JpegImagePlugin import JpegImageFile  # noqa: PLC0415 - heavy
    from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415 - heavy
    from PIL.TiffImagePlugin import TiffImageFile  # noqa: PLC0415 - heavy
    from PIL.WebPImagePlugin import WebPImageFile  # noqa: PLC0415 - heavy

    return {
        "BMP": BmpImageFile,
        "JPEG": JpegImageFile,
        "PNG": PngImageFile,
        "TIFF": TiffImageFile,
        "WebP": WebPImageFile,
    }


def _orientation(image: ImageFile) -> int:
    """Return the orientation of the EXIF in front of the pixels, 1 to 8; 1 when there is none."""
    from PIL.Image import Exif  # noqa: PLC0415 - heavy

    exif = Exif()
    with suppress(*IMAGE_ERRORS):  # of damaged notes; the pixels may be whole
        exif.load(image.info.get("exif", b""))
    return exif.get(_EXIF_ORIENTATION, 1)


def _tile_px(image: ImageFile) -> int:
    tags = getattr(image, "tag_v2", {})
    width, height = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_HEIGHT, 0)
    if not (isinstance(width, int) and isinstance(height, int)):
        raise TypeError
    return width * height


def _bmp_length(data: bytes) -> int:
    """Return how long a BMP must be to hold its pixels; 0 when they are compressed."""
    with suppress(*IMAGE_ERRORS):
        image = _readers()["BMP"](io.BytesIO(data))
        pixels = image.tile[0]
        if pixels.codec_name == "raw" and isinstance(pixels.args, tuple):
            return pixels.offset + int(pixels.args[1]) * image.height
    return 0
