"""`results.jsonl`: one line of JSON for each frame, with everything that was found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from urban_segmentor.io.atomic import AtomicFile
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import instance_records
from urban_segmentor.structures.rle import encode_rle

if TYPE_CHECKING:
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList


class JsonlWriter(ResultWriter):
    """Writes `results.jsonl`: frames in order, masks as COCO run lengths, boxes x1, y1, x2, y2."""

    output = WRITER_PATHS["jsonl"]

    def _open(self) -> None:
        """Begin the file."""
        self._file = AtomicFile(self._path, overwrite=self._overwrite)

    def _write(self, result: Result) -> None:
        """Append one line."""
        line = result_record(result, self._classes)
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")

    def _finish(self) -> None:
        """Put the file in its place."""
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
