"""Lines of a YOLO label file: the outlines of instances as Ultralytics reads them, and back."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.masks import Crop, Masks
from urban_segmentor.structures.polygons import bridged_polygon, rings_to_crop

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.instances import Instances

_CHARACTERS = 9  # of a coordinate and the blank behind it
_ROUNDING = 1e-3  # of tools that print few decimals
_MAX_CLASS_ID = 2**31 - 1


def class_names_yaml(names: Sequence[str]) -> str:
    """Return the entry `names` of a `data.yaml`, with its end.

    >>> print(class_names_yaml(["car", "tram: 'new'"]), end="")
    names:
      0: "car"
      1: "tram: 'new'"
    """
    # A JSON string is a YAML string, whatever is in the name.
    return "names:\n" + "".join(f"  {i}: {json.dumps(name)}\n" for i, name in enumerate(names))


def instance_lines(instances: Instances) -> list[bytes]:
    """Return a line for each instance that has pixels, in order, with their ends.

    Args:
        instances: N instances, masks bool crops (h, w), class_ids int32 (N,).
    """
    masks = instances.masks
    class_ids: list[int] = []
    rings: list[NDArray[np.int32]] = []
    corners: list[tuple[int, int]] = masks.origins.tolist()
    numbers: list[int] = instances.class_ids.tolist()
    for class_id, crop, (x, y) in zip(numbers, masks.crops, corners, strict=True):
        ring = bridged_polygon(crop, origin=(x, y))
        if len(ring):
            class_ids.append(class_id)
            rings.append(np.floor(ring).astype(np.int32))
    return yolo_lines(class_ids, rings, image_size=masks.image_size)


def parse_yolo_lines(
    lines: str | Iterable[str], *, image_size: tuple[int, int]
) -> tuple[Masks, NDArray[np.int32]]:
    """Return the masks and the class ids, int32 (N,), of the lines of a label file.

    A coordinate means the pixel that it lies in, and that pixel belongs to the mask, as in the
    training of Ultralytics; bridges of `instance_lines` are not painted. What lies outside the
    image is cut off.

    Args:
        lines: `class_id x1 y1 x2 y2 ...`, with or without their ends; or the text of a file.
            Blank lines are passed over.
        image_size: Height and width of the image, pixels.

    Raises:
        DatasetError: A line is no class id with the points of an outline.
    """
    height, width = image_size
    crops: list[Crop] = []
    origins: list[tuple[int, int]] = []
    class_ids: list[int] = []
    for number, line in enumerate(lines.splitlines() if isinstance(lines, str) else lines, start=1):
        if not line.strip():
            continue
        class_id, shares = _fields(line, number=number)
        ring = shares * (width, height)
        if not np.all((shares >= -_ROUNDING) & (shares <= 1 + _ROUNDING)):
            raise DatasetError(
                f"line {number} has a coordinate that is no part of the image's side",
                hint="divide x by the width and y by the height of the image",
            )
        crop, origin = rings_to_crop([ring], image_size=image_size)
        crops.append(crop)
        origins.append(origin)
        class_ids.append(class_id)
    corners = np.array(origins, dtype=np.int32).reshape(-1, 2)
    masks = Masks(crops=tuple(crops), origins=corners, image_size=image_size)
    return masks, np.array(class_ids, dtype=np.int32)


def _fields(line: str, *, number: int) -> tuple[int, NDArray[np.float64]]:
    """Return the class id and the points, float64 (K, 2), K at least 3, parts of the sides."""
    first, *rest = line.split()
    is_number = first.isascii() and first.isdigit() and len(first) <= 10
    if not is_number or int(first) > _MAX_CLASS_ID:
        raise DatasetError(
            f"line {number} begins with {first!r}, which is no class id",
            hint="a line is `class_id x1 y1 x2 y2 x3 y3 ...`",
        )
    if len(rest) == 4:
        raise DatasetError(
            f"line {number} has a box (4 numbers) and no outline",
            hint="use the labels of a segmentation data set; boxes alone have no masks",
        )
    try:
        values = np.array(rest, dtype=np.float64)
    except ValueError as error:
        raise DatasetError(
            f"line {number} has a coordinate that is no number", hint="make the labels anew"
        ) from error
    if len(values) < 6 or len(values) % 2:
        raise DatasetError(
            f"line {number} has {len(values)} numbers after the class id, expected an even "
            "number of at least 6",
            hint="a line is `class_id x1 y1 x2 y2 x3 y3 ...`, without a score at its end",
        )
    return int(first), values.reshape(-1, 2)


def yolo_lines(
    class_ids: Sequence[int],
    rings: Sequence[NDArray[np.int32]],
    *,
    image_size: tuple[int, int],
) -> list[bytes]:
    """Return the lines of a label file, six decimals a coordinate, with their ends.

    Args:
        class_ids: N positions in the list of classes.
        rings: N arrays, int32 (K, 2), x and y of pixels inside the image.
        image_size: Height and width of the image, pixels.
    """
    if not rings:
        return []
    height, width = image_size
    x, y = np.concatenate(rings).T
    text = np.stack([_decimals(width)[x], _decimals(height)[y]], axis=1).tobytes()
    lines: list[bytes] = []
    start = 0
    for class_id, ring in zip(class_ids, rings, strict=True):
        end = start + len(ring) * 2 * _CHARACTERS
        lines.append(b"%d %b\n" % (class_id, text[start : end - 1]))
        start = end
    return lines


@lru_cache(maxsize=16)
def _decimals(side: int) -> NDArray[np.bytes_]:
    """Return each pixel as a part of the side, such as `0.500000 `, bytes (side,)."""
    # A quarter into the pixel: whether a reader rounds or cuts down, it is this pixel's number.
    # Looking numbers up takes a tenth of the time of printing them.
    texts = [b"%.6f " % ((pixel + 0.25) / side) for pixel in range(side)]
    return np.array(texts, dtype=f"S{_CHARACTERS}")
