"""What the bytes of a picture say of its size, read without decoding or reserving anything.

Where a file says it twice, the larger counts: no decoder can be made to see more.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")  # that none but a segment begins with
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without tables
_SCAN, _LAST = 0xDA, frozenset({0xD8, 0xD9})
_MOST_SCANS = 100  # progressive pictures have about ten; each takes as long as a whole picture
_MOST_PARTS = 4096  # of 64 kB in a JPEG, which is more than is taken
_FREE_BYTES = 1_000_000  # of a PNG: what unpacks in a moment, whatever is in it
_MOST_CHUNKS = 100_000  # some programs write 8 kB each
_NOTES, _MOST_NOTES = {b"zTXt", b"iTXt", b"iCCP"}, 100  # each may unpack to megabytes
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # in a pixel, by the color type of PNG
_WIDTH, _HEIGHT, _BITS, _CHANNELS, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 322, 323
_NUMBERS = {1: 1, 3: 2, 4: 4}  # bytes of the whole numbers of TIFF


class ImageHeader(NamedTuple):
    """What a picture says of itself.

    Attributes:
        kind: `JPEG`, `PNG`, `WebP`, `TIFF` or `BMP`.
        width: Pixels.
        height: Pixels.
        tile: Pixels that are unpacked at once, where that can be more than the picture has.
        bits: Of a pixel.
    """

    kind: str
    width: int
    height: int
    tile: int = 0
    bits: int = 24


def read_header(data: bytes) -> ImageHeader | None:
    """Return what a picture says of itself, or None when its first bytes are those of none.

    Args:
        data: The whole file.

    Raises:
        SourceError: It contradicts itself, or is made to keep a decoder busy.
    """
    for start, read in _READERS.items():
        if data.startswith(start) and (start != b"RIFF" or data[8:12] == b"WEBP"):
            stated = read(data)
            if min(stated.width, stated.height) < 1:
                raise _damaged("it has no pixels")
            return stated
    return None


def _jpeg(data: bytes) -> ImageHeader:
    """Follow the segments up to the end of the picture; phones put films behind it."""
    width = height = scans = 0
    at = 2
    for _ in range(_MOST_PARTS):
        found = _MARKER.search(data, at)
        if found is None or found[1][0] in _LAST:
            return ImageHeader("JPEG", width, height)
        marker, at = found[1][0], found.end()
        if marker in _FRAMES:
            height = max(height, _big(data, at + 3, 2))
            width = max(width, _big(data, at + 5, 2))
        scans += marker == _SCAN
        if scans > _MOST_SCANS:
            break
        at += _big(data, at, 2)
    raise _damaged("it has more layers than a camera makes")


def _png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise _damaged("its header is not at the beginning")
    width, height = _big(data, 16, 4), _big(data, 20, 4)
    bits = data[24] * _SAMPLES.get(data[25], 4) if len(data) > 25 else 24
    packed: list[bytes] = []
    notes = 0
    for kind, start, end in _chunks(data):
        if kind == b"IHDR" and start != 16:
            raise _damaged("it has two headers")
        if kind == b"fcTL":  # a picture of an animation
            width, height = (
                max(width, _big(data, start + 4, 4)),
                max(height, _big(data, start + 8, 4)),
            )
        notes += kind in _NOTES
        if kind == b"IDAT":
            packed.append(data[start:end])
    if notes > _MOST_NOTES:
        raise _damaged("it has more notes than a program writes")
    if sum(map(len, packed)) > _FREE_BYTES:
        # Interlaced pictures have seven passes, whose rows begin with a byte each.
        _check_unpacked(packed, most=height * (width * bits // 8 + 16) + 7 * 16)
    return ImageHeader("PNG", width, height, bits=bits)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of what lies in the chunks of a PNG."""
    at = 8
    for _ in range(_MOST_CHUNKS):
        kind, length = data[at + 4 : at + 8], _big(data, at, 4)
        if len(kind) < 4:
            return
        yield kind, at + 8, at + 8 + length
        if kind == b"IEND":
            return
        at += 12 + length
    raise _damaged("it has more parts than a program writes")


def _check_unpacked(packed: list[bytes], *, most: int) -> None:
    """Raise when there is more in it than pixels; libpng unpacks all the same."""
    unpack = zlib.decompressobj()
    try:
        for part in packed:
            while part and not unpack.eof:
                most -= len(unpack.decompress(part, 1 << 20))
                part = unpack.unconsumed_tail  # noqa: PLW2901
                if most < 0:
                    raise _damaged("there is more in it than its pixels")
    except zlib.error:
        return  # the decoder says so


def _webp(data: bytes) -> ImageHeader:
    kind, at = data[12:16], 20
    if kind == b"VP8X":
        return ImageHeader("WebP", 1 + _little(data, at + 4, 3), 1 + _little(data, at + 7, 3))
    if kind == b"VP8L":
        both = _little(data, at + 1, 4)
        return ImageHeader("WebP", 1 + (both & 0x3FFF), 1 + (both >> 14 & 0x3FFF))
    return ImageHeader("WebP", _little(data, at + 6, 2) & 0x3FFF, _little(data, at + 8, 2) & 0x3FFF)


def _bmp(data: bytes) -> ImageHeader:
    if _little(data, 14, 4) == 12:
        return ImageHeader("BMP", _little(data, 18, 2), _little(data, 20, 2))
    width, height = (abs(int.from_bytes(data[i : i + 4], "little", signed=True)) for i in (18, 22))
    return ImageHeader("BMP", width, height)


def _tiff(data: bytes) -> ImageHeader:
    """Read the first page; what stands there more than once counts as the largest."""
    number = _little if data.startswith(b"II") else _big
    at = number(data, 4, 4)
    tags: dict[int, int] = {}
    for entry in range(at + 2, at + 2 + 12 * number(data, at, 2), 12):
        tag, kind, count = (number(data, entry + i, n) for i, n in ((0, 2), (2, 2), (4, 4)))
        if tag not in {_WIDTH, _HEIGHT, _BITS, _CHANNELS, _TILE_WIDTH, _TILE_HEIGHT}:
            continue
        size = _NUMBERS.get(kind)
        if size is None or not 1 <= count <= (16 if tag == _BITS else 1):
            raise _damaged("its header has something else in the place of a number")
        first = entry + 8 if size * count <= 4 else number(data, entry + 8, 4)
        values = [number(data, first + size * i, size) for i in range(count)]
        tags[tag] = max(tags.get(tag, 0), *values)
    return ImageHeader(
        "TIFF",
        tags.get(_WIDTH, 0),
        tags.get(_HEIGHT, 0),
        tile=tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0),
        bits=tags.get(_BITS, 1) * tags.get(_CHANNELS, 1),
    )


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _damaged(why: str) -> SourceError:
    return SourceError(f"the picture is damaged: {why}", hint="save it anew")


_READERS: dict[bytes, Callable[[bytes], ImageHeader]] = {
    b"\xff\xd8\xff": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"BM": _bmp,
}
