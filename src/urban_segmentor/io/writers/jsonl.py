"""`results.jsonl`: one line of JSON for each frame, with everything that was found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from urban_segmentor.io.atomic import AtomicFile
from urban_segmentor.io.writers.records import instance_records
from urban_segmentor.structures.rle import encode_rle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.structures.instances import Instances


class JsonlWriter:
    """Writes `results.jsonl`: frames in order, masks as COCO run lengths, boxes x1, y1, x2, y2.

    Args:
        folder: Where to; made when missing.
        class_names: The class list of the model.
        overwrite: True when a file that is there may be replaced.

    Raises:
        OutputError: The file exists already, or cannot be written.
    """

    def __init__(self, folder: Path, *, class_names: Sequence[str], overwrite: bool) -> None:
        self._class_names = class_names
        self._file = AtomicFile(folder / "results.jsonl", overwrite=overwrite)

    def write(self, frame: Frame, instances: Instances) -> None:
        """Append one line.

        Args:
            frame: The frame; its pixels are not looked at.
            instances: What was found in it.

        Raises:
            OutputError: The disk is full or the like; the lines before are whole.
        """
        height, width = frame.size
        rows = instance_records(instances, class_names=self._class_names)
        masks = encode_rle(instances.masks)
        line = {
            "source": frame.source,
            "name": frame.name,
            "frame": frame.index,
            "time_s": round(frame.time_s, 6),
            "width": width,
            "height": height,
            "instances": [
                {
                    "class": row.class_name,
                    "class_id": row.class_id,
                    "score": row.score,
                    "box": row.box,
                    "area_px": row.area_px,
                    "mask": mask,
                }
                for row, mask in zip(rows, masks, strict=True)
            ],
        }
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")

    def close(self) -> None:
        """Put the file in its place; safe to call twice."""
        self._file.commit()
