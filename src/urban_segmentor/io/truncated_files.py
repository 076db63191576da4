"""Detection of truncated media files by the lengths in their headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_HEADER_BYTES = 16
_EBML = b"\x1a\x45\xdf\xa3"
_ISOBMFF_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"})


def missing_bytes(path: Path) -> int:
    """Return how many bytes are missing at the end of an MP4, MOV, MKV, WebM or AVI file.

    0 when it is complete, or of a kind that does not say.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        length_of = _length_reader(head)
        if length_of is None:
            return 0
        position = 0
        while position < size:
            file.seek(position)
            length = length_of(file.read(_HEADER_BYTES))
            if length is None:  # garbage at the end, or an element without length
                return 0
            position += length
    return position - size


def _length_reader(head: bytes) -> Callable[[bytes], int | None] | None:
    """Return the length parser of a container format, or None for other formats."""
    if head[4:8] in _ISOBMFF_BOXES:
        return _box_length
    if head[:4] == _EBML:
        return _element_length
    if head[:4] in {b"RIFF", b"RIFX"}:
        return _chunk_length
    return None


def _box_length(head: bytes) -> int | None:
    """Return the length of a box of ISO/IEC 14496-12."""
    length = int.from_bytes(head[:4], "big")
    if length == 1 and len(head) == _HEADER_BYTES:
        length = int.from_bytes(head[8:16], "big")
    has_valid_type = len(head) >= 8 and all(0x20 <= letter < 0x7F for letter in head[4:8])
    return length if has_valid_type and length >= 8 else None


def _element_length(head: bytes) -> int | None:
    """Return the length of an element of EBML (RFC 8794)."""
    if len(head) < 2 or head[0] == 0:
        return None
    id_length = 9 - head[0].bit_length()
    if len(head) <= id_length or head[id_length] == 0:
        return None
    size_length = 9 - head[id_length].bit_length()
    field = head[id_length : id_length + size_length]
    value = int.from_bytes(field, "big") - (1 << 7 * size_length)
    unknown = (1 << 7 * size_length) - 1
    if len(field) < size_length or value == unknown:
        return None
    return id_length + size_length + value


def _chunk_length(head: bytes) -> int | None:
    """Return the length of a chunk of RIFF; long AVI files have several, all called RIFF."""
    if len(head) < 8 or head[:4] not in {b"RIFF", b"RIFX"}:
        return None
    length = int.from_bytes(head[4:8], "little" if head[:4] == b"RIFF" else "big")
    return 8 + length + length % 2
