"""The pictures of a data set: read, and linked, copied or resized into another one."""

from __future__ import annotations

from contextlib import suppress
from os import SEEK_END
from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from urban_segmentor.datasets.image_header import is_cut_off, jpeg_size, png_size
from urban_segmentor.errors import DatasetError, OutputError
from urban_segmentor.io.atomic import check_free, output_errors, write_atomically
from urban_segmentor.structures.boxes import rectangular_size

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.structures.frame import Image

Placement: TypeAlias = Literal["link", "copy"]
"""How pictures get into the new data set where they keep their size."""

_HEAD, _TAIL = 4096, 64  # bytes
_SAME_SHAPE = 0.01  # of the ratio of width and height
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]


def read_image(path: Path) -> Image:
    """Return a picture, uint8 (H, W, 3), RGB.

    Args:
        path: A PNG or JPEG.

    Raises:
        DatasetError: It cannot be read or decoded.
    """
    return np.ascontiguousarray(_decode(path, path_bytes(path))[..., ::-1])


def image_size(path: Path) -> tuple[int, int]:
    """Return the height and width of a picture, pixels, without decoding it where that is known.

    Args:
        path: A PNG or JPEG.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            ends = file.read(_HEAD)
            if len(ends) == _HEAD:
                file.seek(max(file.seek(0, SEEK_END) - _TAIL, _HEAD))
                ends += file.read()
    except OSError as error:
        raise _unreadable(path, error) from error
    size = png_size(ends) or jpeg_size(ends)
    if size is not None and not is_cut_off(ends):
        return size
    image = _decode(path, path_bytes(path))
    return image.shape[0], image.shape[1]


def same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two pictures have the same shape but for rounding.

    Args:
        size: Height and width of one, pixels.
        other: Those of the other.
    """
    stretch = (size[1] / size[0]) / (other[1] / other[0])
    return abs(stretch - 1) <= max(_SAME_SHAPE, 1 / min(size))


def path_bytes(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def resized_to(size: tuple[int, int], imgsz: int | tuple[int, int]) -> tuple[int, int]:
    """Return the height and width that a picture gets, pixels.

    Args:
        size: Height and width of the picture, pixels.
        imgsz: The long side, or height and width, pixels.
    """
    if isinstance(imgsz, tuple):
        return imgsz
    return rectangular_size(size, long_side=imgsz, stride=1)


def place_image(
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
        size = image_size(source)
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
    hint = "unpack the archive again, the file is damaged"
    if is_cut_off(data):
        raise DatasetError(f"`{path}` is cut off, its end is missing", hint=hint)
    image = None
    if data:
        with suppress(cv2.error):  # sizes beyond all reason
            image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise DatasetError(f"`{path}` is no picture that can be decoded", hint=hint)
    return np.asarray(image, dtype=np.uint8)


def _unreadable(path: Path, error: OSError) -> DatasetError:
    return DatasetError(
        f"`{path}` cannot be read: {error.strerror or error}",
        hint="check that the file is there and that you may read it",
    )


def _link(source: Path, target: Path) -> None:
    """Make a symbolic link, in place of one that is there."""
    given = source.absolute()
    with output_errors(target), suppress(FileExistsError):
        try:
            target.symlink_to(given)
        except FileExistsError:
            raise
        except OSError as error:
            raise OutputError(
                f"`{target}` cannot be made a link: {error.strerror or error}",
                hint="add --images copy",
            ) from error
        return
    with output_errors(target):
        partial = target.with_name(f".{target.name}.partial")
        partial.unlink(missing_ok=True)
        partial.symlink_to(given)
        partial.replace(target)
