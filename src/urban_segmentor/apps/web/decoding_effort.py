"""Files made to keep a decoder busy, found before anything of theirs is decoded."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from urban_segmentor.errors import SourceError
from urban_segmentor.io.image_header import image_format, jpeg_markers

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCAN_MARKER = 0xDA
_MAX_SCANS = 100  # progressive JPEGs have about ten; each takes as long as a whole image
_MAX_SEGMENTS = 4096  # of 64 kB in a JPEG, more than the size limit
_FREE_BYTES = 1_000_000  # of a PNG: unpacks in a moment, whatever is in it
_MAX_PIXEL_BYTES = 8  # four channels of 16 bits
_MAX_CHUNKS = 100_000  # some programs write chunks of 8 kB
_TEXT_CHUNKS, _MAX_TEXT_CHUNKS = frozenset({b"zTXt", b"iTXt", b"iCCP"}), 100  # each unpacks to MBs


def check_structure(data: bytes) -> None:
    """Check the parts of an image file, none of which is unpacked.

    Args:
        data: The file.

    Raises:
        SourceError: There are more layers, notes or other parts than in images that somebody took,
            or parts that contradict one another.
    """
    checks = {"JPEG": _check_segments, "PNG": _check_chunks, "TIFF": _check_tags}
    check = checks.get(image_format(data) or "")
    if check is not None:
        check(data)


def check_unpacked(data: bytes, *, size: tuple[int, int]) -> None:
    """Check that the data of a PNG unpack to no more than the pixels, since libpng unpacks all.

    Args:
        data: The file; of other formats nothing is checked.
        size: Height and width that its header states, pixels; checked before.

    Raises:
        SourceError: There is more in it.
    """
    if image_format(data) != "PNG":
        return
    packed = [data[start:end] for kind, start, end in _chunks(data) if kind == b"IDAT"]
    if sum(map(len, packed)) <= _FREE_BYTES:
        return
    # Interlaced images have seven passes, whose rows begin with a byte each.
    left = size[0] * (size[1] * _MAX_PIXEL_BYTES + 16) + 7 * 16
    unpack = zlib.decompressobj()
    try:
        for part in packed:
            rest = part
            while rest and not unpack.eof:
                left -= len(unpack.decompress(rest, 1 << 20))
                rest = unpack.unconsumed_tail
                if left < 0:
                    raise _damaged_error("there is more in it than its pixels")
    except zlib.error:
        return  # reported by the decoder


def _check_segments(data: bytes) -> None:
    scans = 0
    for number, marker in enumerate(jpeg_markers(data)):
        scans += marker == _SCAN_MARKER
        if scans > _MAX_SCANS or number > _MAX_SEGMENTS:
            raise _damaged_error("it has more layers than a camera makes")


def _check_chunks(data: bytes) -> None:
    text_chunks = 0
    for number, (kind, start, _) in enumerate(_chunks(data)):
        if (kind == b"IHDR") != (start == 16):
            raise _damaged_error("it has two headers, or none at its beginning")
        text_chunks += kind in _TEXT_CHUNKS
        if text_chunks > _MAX_TEXT_CHUNKS or number > _MAX_CHUNKS:
            raise _damaged_error("it has more parts than a program writes")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of the data of each PNG chunk."""
    position = 8
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, position + 8, position + 8 + length
        if kind == b"IEND":
            return
        position += 12 + length


def _check_tags(data: bytes) -> None:
    """Check that no tag of a TIFF comes twice: one decoder takes the first, another the last."""
    order = "<" if data.startswith(b"II") else ">"
    try:
        (first,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, first)
        entries = struct.unpack_from(f"{order}" + "H10x" * count, data, first + 2)
    except struct.error:
        raise _damaged_error("its table of tags is cut off") from None
    if len(set(entries)) < count:
        raise _damaged_error("it states something twice")


def _damaged_error(reason: str) -> SourceError:
    return SourceError(f"the picture is damaged: {reason}", hint="save it anew")
