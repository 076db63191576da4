"""What the first and the last bytes of a PNG or JPEG say, without decoding it.

Decoders fill up what is missing of a picture that was cut off, and say nothing.
"""

from __future__ import annotations

_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xae\x42\x60\x82"
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_SCAN, _EXIF = 0xDA, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without tables
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


def png_size(data: bytes) -> tuple[int, int] | None:
    """Return the height and width that the head of a PNG states, pixels; None for other files.

    Args:
        data: The file, or its first bytes.
    """
    if data[:8] != _PNG or data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return the height and width that the head of a JPEG states, pixels.

    None for other files, when the head is longer than what is given, and when it may say that
    the picture is to be turned.

    Args:
        data: The file, or its first bytes.
    """
    if data[:3] != _JPEG:
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a byte that only fills
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _FRAMES:
            height, width = (int.from_bytes(data[i : i + 2], "big") for i in (at + 5, at + 7))
            return (height, width) if height and width else None
        elif marker in {_SCAN, _EXIF}:
            return None
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def is_cut_off(data: bytes) -> bool:
    """Return whether the end of a PNG or JPEG is missing; False for other files.

    Args:
        data: The file, or its first and last bytes.
    """
    if data[:8] == _PNG:
        return _PNG_END not in data
    if data[:3] == _JPEG:
        # Small pictures inside the head have ends of their own, but they lie before the scan.
        return data.rfind(_JPEG_END) <= data.find(bytes((0xFF, _SCAN)))
    return False
