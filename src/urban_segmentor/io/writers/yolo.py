"""`labels/{name}.txt`: segments as Ultralytics reads them for training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.io.atomic import check_free, check_free_folder, write_atomically
from urban_segmentor.io.writers.instance_records import result_path
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.yolo_lines import instance_lines

if TYPE_CHECKING:
    from urban_segmentor.result import Result


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
        self, folder: str | Path, *, classes: ClassList | None = None, overwrite: bool = False
    ) -> None:
        folder = Path(folder).expanduser()
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
        self._classes.check_ids(instances.class_ids)
        write_atomically(path, b"".join(instance_lines(instances)), overwrite=self._overwrite)

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
