"""Pictures in and out: JPEG, PNG, WebP, TIFF, BMP, whatever their depth, color or rotation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from urban_segmentor.errors import OutputError, SourceError
from urban_segmentor.io.atomic import check_free, check_not_source, write_atomically
from urban_segmentor.structures.frame import Frame, Image, Yuv420

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from urban_segmentor.structures.instances import Instances

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
_QUALITY = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95], ".webp": [cv2.IMWRITE_WEBP_QUALITY, 90]}
_QUALITY[".jpeg"] = _QUALITY[".jpg"]
_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"


def read_image(path: Path) -> Image:
    """Return a picture as uint8 (H, W, 3), RGB, upright.

    EXIF rotation is applied, grey becomes RGB, 16 bits become 8, and opacity is left out.

    Args:
        path: JPEG, PNG, WebP, TIFF or BMP.

    Raises:
        SourceError: The file cannot be read, is cut off, or is no picture.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"cannot read `{path}`: {error.strerror}", hint="check the path and its permissions"
        ) from error
    return decode_image(data, name=f"`{path}`")


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


def write_image(path: Path, image: Image, *, overwrite: bool) -> None:
    """Write a picture in the format that the suffix names.

    Args:
        path: Where to.
        image: uint8 (H, W, 3), RGB.
        overwrite: False to refuse when the file exists.

    Raises:
        OutputError: The file exists already, or cannot be written.
    """
    suffix = path.suffix.lower()
    try:
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        done, data = cv2.imencode(suffix, bgr, _QUALITY.get(suffix, []))
    except cv2.error as error:
        raise OutputError(
            f"cannot write `{path}` as {suffix or 'a image without suffix'}: {error.err}",
            hint=f"the suffix must be one of {', '.join(sorted(IMAGE_SUFFIXES))}",
        ) from error
    if not done:
        raise OutputError(f"cannot encode `{path}`", hint="choose another picture format")
    write_atomically(path, data.tobytes(), overwrite=overwrite)


class ImageReader:
    """Pictures from files, in order; those that cannot be read are named, and left out.

    Args:
        images: Path and output name of each.
    """

    def __init__(self, images: Sequence[tuple[Path, str]]) -> None:
        self._images = images
        self.problems: list[str] = []

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._images)

    def __iter__(self) -> Iterator[Frame]:
        """Yield a frame for each picture that can be read."""
        for index, (path, name) in enumerate(self._images):
            try:
                image = read_image(path)
            except SourceError as error:
                self.problems.append(str(error))
                continue
            yield Frame(pixels=image, index=index, time_s=0.0, source=str(path), name=name)

    def close(self) -> None:
        """Release nothing: no file stays open."""


class ImageWriter:
    """Writes each frame as a picture in the format of its source.

    Args:
        folder: Where to.
        overwrite: False to refuse files that exist.

    Attributes:
        written: The picture written last.
    """

    def __init__(self, folder: Path, *, overwrite: bool) -> None:
        self._folder = folder
        self._overwrite = overwrite
        self.written = folder

    def target(self, source: str, name: str) -> Path:
        """Return where the picture of a source goes.

        Args:
            source: Path of the picture it came from.
            name: Output name, without suffix.

        Raises:
            OutputError: That is the source itself, or exists and may not be overwritten.
        """
        suffix = Path(source).suffix.lower()
        path = self._folder / f"{name}{suffix if suffix in IMAGE_SUFFIXES else '.png'}"
        check_not_source(path, Path(source))
        check_free(path, overwrite=self._overwrite)
        return path

    def write(self, frame: Frame, instances: Instances) -> None:  # noqa: ARG002
        """Write the pixels of a frame that has been drawn on."""
        pixels = frame.image if isinstance(frame.pixels, Yuv420) else frame.pixels
        path = self.target(frame.source, frame.name)
        write_image(path, pixels, overwrite=self._overwrite)
        self.written = path

    def close(self) -> None:
        """Do nothing: every picture is in its place already."""
