"""`labels/{name}.txt`: segments as Ultralytics reads them for training."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.io.atomic import check_free, check_free_folder, write_atomically
from urban_segmentor.io.results.rows import instance_rows, place
from urban_segmentor.polygons import bridged_polygon

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.types import Frame, Instances


class YoloSink:
    """Writes `labels/{name}.txt` for each frame, and the class names to `yolo_classes.txt`.

    A line is `class_id x1 y1 x2 y2 ...`: one ring through the outermost pixel centres, divided
    by the width and height, whose parts and holes hang together by bridges. Scores are not part
    of the format, and instances without pixels cannot be told in it; frames without instances
    have an empty file.

    Args:
        folder: Where to; made when missing.
        class_names: The class list of the model.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: There are labels already, or the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, class_names: Sequence[str], overwrite: bool) -> None:
        self._class_names = class_names
        self._labels = folder / "labels"
        self._names = folder / "yolo_classes.txt"
        self._overwrite = overwrite
        self._closed = False
        check_free(self._names, overwrite=overwrite)
        check_free_folder(self._labels, overwrite=overwrite)

    def write(self, frame: Frame, instances: Instances) -> None:
        """Write the labels of one frame.

        Args:
            frame: The frame; its pixels are not looked at.
            instances: What was found in it.

        Raises:
            OutputError: The disk is full or the like.
        """
        path = place(self._labels, frame.name, suffix=".txt")
        rows = instance_rows(instances, class_names=self._class_names)
        masks = instances.masks
        lines: list[bytes] = []
        for row, crop, (x, y) in zip(rows, masks.crops, masks.origins.tolist(), strict=True):
            ring = bridged_polygon(crop, origin=(x, y))
            if len(ring):
                lines.append(yolo_line(row.class_id, ring, image_size=frame.size))
        write_atomically(path, b"".join(lines), overwrite=self._overwrite)

    def close(self) -> None:
        """Write the class names, as in the `data.yaml` of a data set; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        # A JSON string is a YAML string, whatever is in the name.
        names = [f"  {i}: {json.dumps(name)}\n" for i, name in enumerate(self._class_names)]
        text = "names:\n" + "".join(names)
        write_atomically(self._names, text.encode("ascii"), overwrite=self._overwrite)


def yolo_line(class_id: int, ring: NDArray[np.float32], *, image_size: tuple[int, int]) -> bytes:
    """Return a line of a label file, six decimals a coordinate, with its end.

    Args:
        class_id: Position in the list of classes.
        ring: float32 (K, 2), x and y of pixel centres inside the image, as of `bridged_polygon`.
        image_size: Height and width of the image, pixels.
    """
    height, width = image_size
    x, y = np.floor(ring).astype(np.intp).T
    numbers = np.stack([_decimals(width)[x], _decimals(height)[y]], axis=1)
    return b"%d %s\n" % (class_id, numbers.tobytes()[:-1])


@lru_cache(maxsize=16)
def _decimals(side: int) -> NDArray[np.bytes_]:
    """Return each pixel as a part of the side, such as `0.500000 `, bytes (side,)."""
    # A quarter into the pixel: whether a reader rounds or cuts down, it is this pixel's number.
    # Looking numbers up takes a tenth of the time of printing them.
    texts = [b"%.6f " % ((pixel + 0.25) / side) for pixel in range(side)]
    return np.array(texts, dtype="S9")
