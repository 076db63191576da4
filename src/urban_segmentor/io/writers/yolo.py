"""`labels/{name}.txt`: segments as Ultralytics reads them for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.io.atomic import check_free
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import result_path
from urban_segmentor.structures.yolo_lines import class_names_yaml, instance_lines

if TYPE_CHECKING:
    from urban_segmentor.result import Result


class YoloWriter(ResultWriter):
    """Writes `labels/{name}.txt` for each frame, and the class names to `yolo_classes.txt`.

    A line is `class_id x1 y1 x2 y2 ...`: one ring through the outermost pixel centres, divided
    by the width and height, whose parts and holes hang together by bridges. Scores are not part
    of the format, and instances without pixels cannot be told in it; frames without instances
    have an empty file.
    """

    output = WRITER_PATHS["yolo"]

    def _open(self) -> None:
        """Check that neither the names nor the labels are there."""
        self._names = self._path.with_name("yolo_classes.txt")
        check_free(self._names, overwrite=self._overwrite)
        super()._open()

    def _write(self, result: Result) -> None:
        """Write the labels of one frame."""
        path = result_path(self._path, result.frame.name, suffix=".txt")
        self._classes.check_ids(result.instances.class_ids)
        self._put(path, b"".join(instance_lines(result.instances)))

    def _finish(self) -> None:
        """Write the class names, as in the `data.yaml` of a data set."""
        self._put(self._names, class_names_yaml(self._classes.names).encode("ascii"))
