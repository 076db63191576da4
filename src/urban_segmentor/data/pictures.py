"""The pictures of a data set: read, and linked, copied or resized into another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from urban_segmentor.errors import DatasetError, OutputError
from urban_segmentor.geometry import rectangular_size
from urban_segmentor.io.atomic import check_free, output_errors, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.types import Image

Placement: TypeAlias = Literal["link", "copy"]
"""How pictures get into the new data set where they keep their size."""

_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]


def read_picture(path: Path) -> Image:
    """Return a picture, uint8 (H, W, 3), RGB.

    Args:
        path: A PNG or JPEG.

    Raises:
        DatasetError: It cannot be read or decoded.
    """
    return np.ascontiguousarray(_decode(path, path_bytes(path))[..., ::-1])


def picture_size(path: Path) -> tuple[int, int]:
    """Return the height and width of a picture, pixels, without decoding it where that is known.

    Args:
        path: A PNG or JPEG.

    Raises:
        DatasetError: It cannot be read.
    """
    data = path_bytes(path)
    if size := png_size(data):
        return size
    image = _decode(path, data)
    return image.shape[0], image.shape[1]


def png_size(data: bytes) -> tuple[int, int] | None:
    """Return the height and width that the head of a PNG states, pixels; None for other files.

    Args:
        data: The file, or its first bytes.
    """
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")


def path_bytes(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"`{path}` cannot be read: {error.strerror or error}",
            hint="check that the file is there and that you may read it",
        ) from error


def resized_to(size: tuple[int, int], imgsz: int | tuple[int, int]) -> tuple[int, int]:
    """Return the height and width that a picture gets, pixels.

    Args:
        size: Height and width of the picture, pixels.
        imgsz: The long side, or height and width, pixels.
    """
    if isinstance(imgsz, tuple):
        return imgsz
    return rectangular_size(size, long_side=imgsz, stride=1)


def place_picture(
    source: Path,
    target: Path,
    *,
    placement: Placement,
    imgsz: int | tuple[int, int] | None,
    overwrite: bool,
) -> tuple[int, int]:
    """Put a picture into a data set, and return its height and width there, pixels.

    Args:
        source: A PNG or JPEG.
        target: Where it goes.
        placement: `link` for a symbolic link, `copy` for a copy of the file.
        imgsz: Long side, or height and width, for a resized copy; None to keep the size.
        overwrite: True when a file that is there may be replaced.

    Raises:
        DatasetError: The picture cannot be read.
        OutputError: It cannot be put there.
    """
    check_free(target, overwrite=overwrite)
    if imgsz is None and placement == "link":
        size = picture_size(source)
        _link(source, target)
        return size
    data = path_bytes(source)
    image = _decode(source, data)
    size = (image.shape[0], image.shape[1])
    if imgsz is not None:
        size = resized_to(size, imgsz)
        shrinks = size[0] < image.shape[0]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        image = cv2.resize(image, size[::-1], interpolation=how)
        ending = target.suffix.lower()
        data = cv2.imencode(ending, image, _JPEG if ending != ".png" else [])[1].tobytes()
    write_atomically(target, data, overwrite=overwrite)
    return size


def _decode(path: Path, data: bytes) -> Image:
    """Return a picture, uint8 (H, W, 3), BGR."""
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise DatasetError(
            f"`{path}` is no picture that can be decoded",
            hint="unpack the archive again, the file is damaged",
        )
    return np.asarray(image, dtype=np.uint8)


def _link(source: Path, target: Path) -> None:
    """Make a symbolic link, in place of one that is there."""
    partial = target.with_name(f".{target.name}.partial")
    with output_errors(target):
        partial.unlink(missing_ok=True)
        try:
            partial.symlink_to(source.resolve())
        except OSError as error:
            raise OutputError(
                f"`{target}` cannot be made a link: {error.strerror or error}",
                hint="add --pictures copy",
            ) from error
        partial.replace(target)
