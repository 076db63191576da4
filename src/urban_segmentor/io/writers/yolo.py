"""`labels/{name}.txt`: segments as Ultralytics reads them for training."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.io.atomic import check_free, check_free_folder, write_atomically
from urban_segmentor.io.writers.records import instance_records, result_path
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.polygons import bridged_polygon

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.result import Result

_CHARACTERS = 9  # of a coordinate and the blank behind it


class YoloWriter:
    """Writes `labels/{name}.txt` for each frame, and the class names to `yolo_classes.txt`.

    A line is `class_id x1 y1 x2 y2 ...`: one ring through the outermost pixel centres, divided
    by the width and height, whose parts and holes hang together by bridges. Scores are not part
    of the format, and instances without pixels cannot be told in it; frames without instances
    have an empty file.

    Args:
        folder: Where to; made when missing.
        classes: The class list of the model; None for that of the first result.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: There are labels already, or the folder cannot be written to.
    """

    def __init__(
        self, folder: Path, *, classes: ClassList | None = None, overwrite: bool = False
    ) -> None:
        self._classes = classes
        self._labels = folder / "labels"
        self._names = folder / "yolo_classes.txt"
        self._overwrite = overwrite
        self._closed = False
        check_free(self._names, overwrite=overwrite)
        check_free_folder(self._labels, overwrite=overwrite)

    def write(self, result: Result, /) -> None:
        """Write the labels of one frame.

        Args:
            result: Its pixels are not looked at.

        Raises:
            OutputError: The disk is full or the like.
        """
        frame, instances = result.frame, result.instances
        if self._classes is None:
            self._classes = result.classes
        path = result_path(self._labels, frame.name, suffix=".txt")
        rows = instance_records(instances, self._classes)
        masks = instances.masks
        class_ids: list[int] = []
        rings: list[NDArray[np.int32]] = []
        for row, crop, (x, y) in zip(rows, masks.crops, masks.origins.tolist(), strict=True):
            ring = bridged_polygon(crop, origin=(x, y))
            if len(ring):
                class_ids.append(row.class_id)
                rings.append(np.floor(ring).astype(np.int32))
        lines = yolo_lines(class_ids, rings, image_size=frame.size)
        write_atomically(path, b"".join(lines), overwrite=self._overwrite)

    def close(self) -> None:
        """Write the class names, as in the `data.yaml` of a data set; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        # A JSON string is a YAML string, whatever is in the name.
        names = [
            f"  {i}: {json.dumps(name)}\n"
            for i, name in enumerate((self._classes or ClassList()).names)
        ]
        text = "names:\n" + "".join(names)
        write_atomically(self._names, text.encode("ascii"), overwrite=self._overwrite)


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
