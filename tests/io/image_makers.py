"""Image files made byte by byte, as programs write them and as strangers do."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

from PIL import Image as Pillow

from tests.io.clips import patches

if TYPE_CHECKING:
    import numpy as np

KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WebP", "tif": "TIFF", "bmp": "BMP"}


def coded(suffix: str, image: Any = None, **options: object) -> bytes:  # noqa: ANN401
    """Return a picture as a file, of colored squares unless another is given."""
    out = io.BytesIO()
    source_image = image if isinstance(image, Pillow.Image) else Pillow.fromarray(patches((3, 5)))
    source_image.save(out, "JPEG" if suffix == "jpg" else KINDS[suffix], **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int) -> bytes:
    """Return the first part of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def png(width: int, height: int, *, before: bytes = b"", data: bytes | None = None) -> bytes:
    """Return a black PNG, or one that says that it is one."""
    rows = zlib.compress(bytes((3 * width + 1) * height)) if data is None else data
    return (
        b"\x89PNG\r\n\x1a\n"
        + header(width, height)
        + before
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def tiff(
    *more: tuple[int, int, int, int], width: int = 8, height: int = 8, order: str = "<"
) -> bytes:
    """Return a grey TIFF; `more` are tag, type, count and value of further entries."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 1), (273, 4, 1, 400), (277, 3, 1, 1), (278, 4, 1, height)]
    tags += [(279, 4, 1, 64), *more]
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(tags))
    head = start + b"".join(entry(tag, order) for tag in sorted(tags)) + bytes(4)
    return head.ljust(400, b"\0") + bytes(64)


def entry(tag: tuple[int, int, int, int], order: str) -> bytes:
    """Return an entry of a TIFF; short numbers stand on the left of their place."""
    value = struct.pack(f"{order}{'H' if tag[1] == 3 else 'I'}", tag[3])
    return struct.pack(f"{order}HHI", *tag[:3]) + value.ljust(4, b"\0")


def bmp(width: int, height: int) -> bytes:
    """Return a BMP with less in it than it says."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + info + bytes(100)


def webp(width: int, height: int) -> bytes:
    """Return an animated WebP of that size with a picture of one pixel in it."""
    sizes = [(side - 1).to_bytes(3, "little") for side in (width, height, 1, 1)]
    small = coded("webp", Pillow.new("RGB", (1, 1)))[12:]
    frame = bytes(6) + sizes[2] + sizes[3] + bytes(4) + small
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + sizes[0] + sizes[1]
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6) + b"ANMF" + struct.pack("<I", len(frame))
    return b"RIFF" + struct.pack("<I", len(body + frame)) + body + frame


def jpeg(width: int, height: int) -> bytes:
    """Return a JPEG that says that it has that size."""
    data = coded("jpg")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def layered(scans: int) -> bytes:
    """Return a progressive JPEG whose last layer comes again and again."""
    data = coded("jpg", progressive=True)
    first, last = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:last] + data[first:last] * scans + data[last:]


def interlace(image: np.ndarray) -> bytes:
    """Return a picture as an interlaced PNG, which neither Pillow nor OpenCV writes."""
    rows = bytearray()
    for top, left, down, right in (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    ):
        for row in image[top::down, left::right]:
            rows += b"\0" + row.tobytes()
    head = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 2, 0, 0, 1)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
