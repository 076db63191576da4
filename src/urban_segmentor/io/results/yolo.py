"""`labels/{name}.txt`: segments as Ultralytics reads them for training."""

from __future__ import annotations

import json
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
        lines: list[str] = []
        for row, crop, (x, y) in zip(rows, masks.crops, masks.origins.tolist(), strict=True):
            ring = bridged_polygon(crop, origin=(x, y))
            if len(ring):
                lines.append(f"{row.class_id} {_shares(ring, frame.size)}\n")
        write_atomically(path, "".join(lines).encode("ascii"), overwrite=self._overwrite)

    def close(self) -> None:
        """Write the class names, as in the `data.yaml` of a data set; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        # A JSON string is a YAML string, whatever is in the name.
        names = [f"  {i}: {json.dumps(name)}\n" for i, name in enumerate(self._class_names)]
        text = "names:\n" + "".join(names)
        write_atomically(self._names, text.encode("ascii"), overwrite=self._overwrite)


def _shares(ring: NDArray[np.float32], size: tuple[int, int]) -> str:
    """Return a ring, float32 (K, 2), as parts of the width and height, six decimals."""
    height, width = size
    values: list[float] = (ring.astype(np.float64) / (width, height)).ravel().tolist()
    return " ".join(["%.6f"] * len(values)) % tuple(values)
