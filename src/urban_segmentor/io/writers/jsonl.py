"""`results.jsonl`: one line of JSON for each frame, with everything that was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urban_segmentor.io.atomic import AtomicFile
from urban_segmentor.io.writers.instance_records import instance_records
from urban_segmentor.structures.rle import encode_rle

if TYPE_CHECKING:
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList


class JsonlWriter:
    """Writes `results.jsonl`: frames in order, masks as COCO run lengths, boxes x1, y1, x2, y2.

    Args:
        folder: Where to; made when missing.
        classes: The class list of the model; None for that of the first result.
        overwrite: True when a file that is there may be replaced.

    Raises:
        OutputError: The file exists already, or cannot be written.
    """

    def __init__(
        self, folder: str | Path, *, classes: ClassList | None = None, overwrite: bool = False
    ) -> None:
        folder = Path(folder).expanduser()
        self._classes = classes
        self._file = AtomicFile(folder / "results.jsonl", overwrite=overwrite)

    def write(self, result: Result, /) -> None:
        """Append one line.

        Args:
            result: Its pixels are not looked at.

        Raises:
            OutputError: The disk is full or the like; the lines before are whole.
        """
        if self._classes is None:
            self._classes = result.classes
        line = result_record(result, self._classes)
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")

    def close(self) -> None:
        """Put the file in its place; safe to call twice."""
        self._file.commit()


def result_record(result: Result, classes: ClassList | None = None) -> dict[str, Any]:
    """Return a result as a JSON object: a line of `results.jsonl`.

    Instances have a `track_id` where they are tracked.

    Args:
        result: Its pixels are not looked at.
        classes: The class list that every class id must be in; None for that of the result,
            where classes beyond it are called by their ids.
    """
    frame, instances = result.frame, result.instances
    height, width = frame.size
    rows = instance_records(instances, classes)
    masks = encode_rle(instances.masks)
    tracks: list[dict[str, int]] = [{} for _ in rows]
    if instances.track_ids is not None:
        tracks = [{"track_id": track_id} for track_id in instances.track_ids.tolist()]
    return {
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
                **track,
            }
            for row, mask, track in zip(rows, masks, tracks, strict=True)
        ],
    }
