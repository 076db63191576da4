"""Image size from the header of an untrusted file, without decoding it.

Where a file states its size more than once, the largest counts.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")  # marker of a JPEG segment
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without tables
_SCAN_MARKER, _END_MARKERS = 0xDA, frozenset({0xD8, 0xD9})
_MAX_SCANS = 100  # progressive JPEGs have about ten; each takes as long as a whole image
_MAX_SEGMENTS = 4096  # of 64 kB in a JPEG, more than the size limit
_FREE_BYTES = 1_000_000  # of a PNG: unpacks in a moment, whatever is in it
_MAX_CHUNKS = 100_000  # some programs write chunks of 8 kB
_TEXT_CHUNKS, _MAX_TEXT_CHUNKS = {b"zTXt", b"iTXt", b"iCCP"}, 100  # each may unpack to megabytes
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # samples per pixel by PNG color type
_WIDTH, _HEIGHT, _BITS, _CHANNELS, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 322, 323
_INTEGER_SIZES = {1: 1, 3: 2, 4: 4}  # bytes of an integer by TIFF type


class ImageHeader(NamedTuple):
    """Size and format that an image file states.

    Attributes:
        kind: `JPEG`, `PNG`, `WebP`, `TIFF` or `BMP`.
        width: Pixels.
        height: Pixels.
        tile: Pixels of a tile, which may exceed those of the image.
        bits: Bits per pixel.
    """

    kind: str
    width: int
    height: int
    tile: int = 0
    bits: int = 24


def read_header(data: bytes) -> ImageHeader | None:
    """Return the header of an image file, or None for an unknown format.

    Args:
        data: Bytes of the whole file.

    Raises:
        SourceError: It is inconsistent, or a decompression bomb.
    """
    for start, read in _READERS.items():
        if data.startswith(start) and (start != b"RIFF" or data[8:12] == b"WEBP"):
            header = read(data)
            if min(header.width, header.height) < 1:
                raise _damaged_error("it has no pixels")
            return header
    return None


def _jpeg(data: bytes) -> ImageHeader:
    """Return the header of a JPEG from all its segments; phones append videos."""
    width = height = scans = 0
    position = 2
    for _ in range(_MAX_SEGMENTS):
        match = _MARKER.search(data, position)
        if match is None or match[1][0] in _END_MARKERS:
            return ImageHeader("JPEG", width, height)
        marker, position = match[1][0], match.end()
        if marker in _FRAMES:
            height = max(height, _big_endian(data, position + 3, 2))
            width = max(width, _big_endian(data, position + 5, 2))
        scans += marker == _SCAN_MARKER
        if scans > _MAX_SCANS:
            break
        position += _big_endian(data, position, 2)
    raise _damaged_error("it has more layers than a camera makes")


def _png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise _damaged_error("its header is not at the beginning")
    width, height = _big_endian(data, 16, 4), _big_endian(data, 20, 4)
    bits = data[24] * _SAMPLES.get(data[25], 4) if len(data) > 25 else 24
    packed: list[bytes] = []
    text_chunks = 0
    for kind, start, end in _chunks(data):
        if kind == b"IHDR" and start != 16:
            raise _damaged_error("it has two headers")
        if kind == b"fcTL":  # a frame of an animation
            width, height = (
                max(width, _big_endian(data, start + 4, 4)),
                max(height, _big_endian(data, start + 8, 4)),
            )
        text_chunks += kind in _TEXT_CHUNKS
        if kind == b"IDAT":
            packed.append(data[start:end])
    if text_chunks > _MAX_TEXT_CHUNKS:
        raise _damaged_error("it has more notes than a program writes")
    if sum(map(len, packed)) > _FREE_BYTES:
        # Interlaced pictures have seven passes, whose rows begin with a byte each.
        _check_unpacked(packed, max_bytes=height * (width * bits // 8 + 16) + 7 * 16)
    return ImageHeader("PNG", width, height, bits=bits)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of the data of each PNG chunk."""
    position = 8
    for _ in range(_MAX_CHUNKS):
        kind, length = data[position + 4 : position + 8], _big_endian(data, position, 4)
        if len(kind) < 4:
            return
        yield kind, position + 8, position + 8 + length
        if kind == b"IEND":
            return
        position += 12 + length
    raise _damaged_error("it has more parts than a program writes")


def _check_unpacked(packed: list[bytes], *, max_bytes: int) -> None:
    """Check that the data decompress to no more than the pixels, since libpng unpacks all of it."""
    unpack = zlib.decompressobj()
    try:
        for part in packed:
            while part and not unpack.eof:
                max_bytes -= len(unpack.decompress(part, 1 << 20))
                part = unpack.unconsumed_tail  # noqa: PLW2901
                if max_bytes < 0:
                    raise _damaged_error("there is more in it than its pixels")
    except zlib.error:
        return  # reported by the decoder


def _webp(data: bytes) -> ImageHeader:
    kind, position = data[12:16], 20
    if kind == b"VP8X":
        return ImageHeader(
            "WebP",
            1 + _little_endian(data, position + 4, 3),
            1 + _little_endian(data, position + 7, 3),
        )
    if kind == b"VP8L":
        both = _little_endian(data, position + 1, 4)
        return ImageHeader("WebP", 1 + (both & 0x3FFF), 1 + (both >> 14 & 0x3FFF))
    return ImageHeader(
        "WebP",
        _little_endian(data, position + 6, 2) & 0x3FFF,
        _little_endian(data, position + 8, 2) & 0x3FFF,
    )


def _bmp(data: bytes) -> ImageHeader:
    if _little_endian(data, 14, 4) == 12:
        return ImageHeader("BMP", _little_endian(data, 18, 2), _little_endian(data, 20, 2))
    width, height = (abs(int.from_bytes(data[i : i + 4], "little", signed=True)) for i in (18, 22))
    return ImageHeader("BMP", width, height)


def _tiff(data: bytes) -> ImageHeader:
    """Return the header of the first page of a TIFF; of repeated tags the largest value counts."""
    read_int = _little_endian if data.startswith(b"II") else _big_endian
    position = read_int(data, 4, 4)
    tags: dict[int, int] = {}
    for entry in range(position + 2, position + 2 + 12 * read_int(data, position, 2), 12):
        tag, kind, count = (read_int(data, entry + i, n) for i, n in ((0, 2), (2, 2), (4, 4)))
        if tag not in {_WIDTH, _HEIGHT, _BITS, _CHANNELS, _TILE_WIDTH, _TILE_HEIGHT}:
            continue
        size = _INTEGER_SIZES.get(kind)
        if size is None or not 1 <= count <= (16 if tag == _BITS else 1):
            raise _damaged_error("its header has something else in the place of a number")
        first = entry + 8 if size * count <= 4 else read_int(data, entry + 8, 4)
        values = [read_int(data, first + size * i, size) for i in range(count)]
        tags[tag] = max(tags.get(tag, 0), *values)
    return ImageHeader(
        "TIFF",
        tags.get(_WIDTH, 0),
        tags.get(_HEIGHT, 0),
        tile=tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0),
        bits=tags.get(_BITS, 1) * tags.get(_CHANNELS, 1),
    )


def _big_endian(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(data[position : position + size], "big")


def _little_endian(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(data[position : position + size], "little")


def _damaged_error(reason: str) -> SourceError:
    return SourceError(f"the picture is damaged: {reason}", hint="save it anew")


_READERS: dict[bytes, Callable[[bytes], ImageHeader]] = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"BM": _bmp,
}
