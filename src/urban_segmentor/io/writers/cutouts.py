"""`cutouts/`: each object alone, on a transparent ground."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.io.atomic import output_errors
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import instance_records, result_path

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Image
    from urban_segmentor.structures.masks import Mask

_MAX_CLASS_BYTES = 60  # a file name has room for 255


class CutoutsWriter(ResultWriter):
    """Writes `cutouts/{name}/{name}_001_car.png` for each object, cropped to its box.

    The PNG is RGBA: opaque on the mask, transparent and black elsewhere. Objects count from 1 in
    each frame, in the order of the other result files; those without pixels have no file. When
    files may be replaced, those of a frame that is written anew are removed first.
    """

    output = WRITER_PATHS["cutouts"]

    def _write(self, result: Result) -> None:
        """Write the objects of one frame."""
        frame, instances = result.frame, result.instances
        stem = frame.name.rpartition("/")[2]
        if self._overwrite:
            _remove_cutouts(result_path(self._path, frame.name, suffix=""), stem)
        image = frame.image if len(instances) else None  # planes of a video become RGB once
        for number, row in enumerate(instance_records(instances, self._classes), start=1):
            data = None
            if image is not None and row.area_px:
                data = _cutout_png(image, instances.masks[number - 1], row.box)
            if data is not None:
                suffix = f"_{number:03d}_{safe_file_name(row.class_name)}.png"
                path = result_path(self._path, f"{frame.name}/{stem}", suffix=suffix)
                self._put(path, data)


def safe_file_name(class_name: str) -> str:
    """Return a class name with letters, digits, `-` and `_` alone, of 60 bytes at most.

    Args:
        class_name: As the model calls it.

    >>> safe_file_name("traffic light"), safe_file_name("../tram: 'new'"), safe_file_name("?")
    ('traffic_light', 'tram_new', 'class')
    """
    text = re.sub(r"[^\w-]+", "_", class_name).strip("_")
    return text.encode()[:_MAX_CLASS_BYTES].decode(errors="ignore") or "class"


def _cutout_png(image: Image, mask: Mask, box: list[float]) -> bytes | None:
    """Return an object as a PNG with the size of its box, or None where the mask lies outside.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: Of the object.
        box: `x1, y1, x2, y2`, pixels, half-open; the pixels that it touches count.
    """
    height, width = mask.image_size
    left, top = (max(int(np.floor(edge)), 0) for edge in box[:2])
    right, bottom = min(int(np.ceil(box[2])), width), min(int(np.ceil(box[3])), height)
    inside = _window(mask, left=left, top=top, right=right, bottom=bottom)
    if not inside.any():
        return None
    pixels = np.zeros((*inside.shape, 4), dtype=np.uint8)
    pixels[inside, :3] = image[top:bottom, left:right][inside]
    pixels[inside, 3] = 255
    return encode_image(pixels, suffix=".png")


def _window(mask: Mask, *, left: int, top: int, right: int, bottom: int) -> NDArray[np.bool_]:
    """Return the part of a mask in a rectangle, bool (bottom - top, right - left)."""
    window = np.zeros((max(bottom - top, 0), max(right - left, 0)), dtype=np.bool_)
    (x, y), (rows, columns) = mask.origin, mask.crop.shape
    x1, y1 = max(left, x), max(top, y)
    x2, y2 = min(right, x + columns), min(bottom, y + rows)
    if x1 < x2 and y1 < y2:
        part = mask.crop[y1 - y : y2 - y, x1 - x : x2 - x]
        window[y1 - top : y2 - top, x1 - left : x2 - left] = part
    return window


def _remove_cutouts(folder: Path, stem: str) -> None:
    """Remove what an earlier run wrote of a frame: its objects had other numbers and classes."""
    own = re.compile(rf"{re.escape(stem)}_[0-9]{{3,}}_[\w-]+\.png")
    with output_errors(folder):
        for path in list(folder.glob("*.png")):
            if own.fullmatch(path.name):
                path.unlink()
