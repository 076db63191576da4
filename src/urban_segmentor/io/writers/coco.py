"""`coco.json`: one file as the COCO data set has it, masks as run lengths, with scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.io.writers.coco_json import CocoJsonFile, image_entry
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.coco_annotations import coco_annotations, coco_categories

if TYPE_CHECKING:
    from urban_segmentor.result import Result


class CocoWriter:
    """Writes `coco.json`; memory does not grow with the number of frames.

    Category ids are class ids plus 1. The `file_name` of an image leads from the folder of the
    inputs to it. That of a frame of a video leads from the folder of the results to what
    `FramesWriter` writes; its entry has `video`, `frame_index` and `time_s` besides.

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
        self._file = CocoJsonFile(
            folder / "coco.json",
            description="instances found by Urban Segmentor",
            overwrite=overwrite,
        )

    def write(self, result: Result, /) -> None:
        """Append one image and its annotations.

        Args:
            result: Its pixels are not looked at.

        Raises:
            OutputError: The disk is full or the like; the frames before are whole.
        """
        frame, instances = result.frame, result.instances
        if self._classes is None:
            self._classes = result.classes
        image_id = self._file.images + 1
        self._classes.check_ids(instances.class_ids)
        first_id = self._file.annotations + 1
        annotations = coco_annotations(instances, image_id=image_id, first_id=first_id)
        self._file.add(image_entry(frame, image_id=image_id), annotations)

    def close(self) -> None:
        """Append the images and put the file in its place; safe to call twice.

        Raises:
            OutputError: The disk is full or the like; then there is no file.
        """
        self._file.close(categories=coco_categories(self._classes or ClassList()))
