"""The pictures of a data set: read, and linked, copied or resized into another one."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from urban_segmentor.errors import DatasetError, OutputError, SourceError
from urban_segmentor.io.atomic import check_free, output_errors, write_atomically
from urban_segmentor.io.image_codec import decode_image, encode_image, image_size, read_image
from urban_segmentor.structures.boxes import rectangular_size

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from urban_segmentor.structures.frame import Image

Placement: TypeAlias = Literal["link", "copy"]
"""How pictures get into the new data set where they keep their size."""

_SAME_SHAPE = 0.01  # of the ratio of width and height


def read_sample_image(path: Path) -> Image:
    """Return a picture of a data set, uint8 (H, W, 3), RGB, upright.

    Args:
        path: Such as a PNG or JPEG.

    Raises:
        DatasetError: It cannot be read or decoded.
    """
    with _dataset_errors():
        return read_image(path)


def sample_image_size(path: Path) -> tuple[int, int]:
    """Return the height and width of a picture, pixels, without decoding it where that is known.

    Args:
        path: Such as a PNG or JPEG.

    Raises:
        DatasetError: It cannot be read.
    """
    with _dataset_errors():
        return image_size(path)


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
        size = sample_image_size(source)
        _link(source, target)
        return size
    data = path_bytes(source)
    with _dataset_errors():
        image = decode_image(data, name=f"`{source}`")
    size = (image.shape[0], image.shape[1])
    if imgsz is not None:
        size = resized_to(size, imgsz)
        shrinks = size[0] < image.shape[0]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        resized = np.asarray(cv2.resize(image, size[::-1], interpolation=how), dtype=np.uint8)
        data = encode_image(resized, suffix=target.suffix)
    write_atomically(target, data, overwrite=overwrite)
    return size


@contextmanager
def _dataset_errors() -> Generator[None]:
    """Return a context in which a picture that cannot be read is an error of the data set."""
    try:
        yield
    except SourceError as error:
        raise DatasetError(
            str(error), hint="check that the file is there and whole, or unpack the archive again"
        ) from error


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
