"""`coco.json`: one file as the COCO data set has it, masks as run lengths, with scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.coco_json import CocoJsonFile, coco_head, image_entry
from urban_segmentor.structures.coco_annotations import coco_annotations, coco_categories

if TYPE_CHECKING:
    from urban_segmentor.result import Result


class CocoWriter(ResultWriter):
    """Writes `coco.json`; memory does not grow with the number of frames.

    Category ids are class ids plus 1. The `file_name` of an image leads from the folder of the
    inputs to it. That of a frame of a video leads from the folder of the results to what
    `FramesWriter` writes; its entry has `video`, `frame_index` and `time_s` besides.
    """

    output = WRITER_PATHS["coco"]

    def _open(self) -> None:
        """Begin the file."""
        head = coco_head("instances found by Urban Segmentor")
        self._file = CocoJsonFile(self._path, head=head, overwrite=self._overwrite)

    def _write(self, result: Result) -> None:
        """Append one image and its annotations."""
        frame, instances = result.frame, result.instances
        image_id = self._file.images + 1
        self._classes.check_ids(instances.class_ids)
        first_id = self._file.annotations + 1
        annotations = coco_annotations(instances, image_id=image_id, first_id=first_id)
        self._file.add(image_entry(frame, image_id=image_id), annotations)

    def _finish(self) -> None:
        """Append the images and put the file in its place."""
        self._file.close(categories=coco_categories(self._classes))
