"""`panoptic/` and `panoptic.json`: segments in the COCO panoptic format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from urban_segmentor.io.atomic import check_free_folder
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.coco_json import CocoJsonFile, coco_head, image_entry
from urban_segmentor.io.writers.coco_panoptic import (
    panoptic_annotation,
    panoptic_categories,
    panoptic_png,
    segments_info,
)
from urban_segmentor.io.writers.instance_records import instance_records, result_path
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.structures.label_regions import label_regions

if TYPE_CHECKING:
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList

_OFFICIAL_NAME = re.compile(r"(?:.*/)?(?P<id>[^/]+_[0-9]{6}_[0-9]{6})(?:_leftImg8bit)?", re.DOTALL)


class PanopticWriter(ResultWriter):
    """Writes `panoptic/{name}.png` for each frame, and `panoptic.json`, which grows on the disk.

    The id of a pixel's segment is R + 256 G + 65536 B, 0 where there is none. Ids count from 1
    in each frame, in the order of the other result files. Of instances that share pixels the
    first is on top, and those of which nothing is left are in neither file.

    Category ids are the official label ids (`car` is 26) when all classes of the model are
    Cityscapes', else class ids plus 1. The id of an image is the name of the frame; of an
    official picture it is city, sequence and frame, such as `frankfurt_000000_000294`.
    """

    output = WRITER_PATHS["panoptic"]

    def _open(self) -> None:
        """Check that the pictures may be written, and begin the file."""
        self._images = self._path.with_suffix("")
        check_free_folder(self._images, overwrite=self._overwrite)
        head = coco_head("segments found by Urban Segmentor")
        self._file = CocoJsonFile(self._path, head=head, overwrite=self._overwrite)
        self._official_ids: set[str] = set()

    def _write(self, result: Result) -> None:
        """Write the picture of one frame, then append its segments."""
        name = result.frame.name
        path = result_path(self._images, name, suffix=".png")
        rows = instance_records(result.instances, self._classes)
        segment_ids = result.instances.masks.to_index_map()
        by_class = _category_ids(self._classes)
        by_segment = {i: by_class[row.class_id] for i, row in enumerate(rows, start=1)}
        segments = segments_info(label_regions(segment_ids), category_ids=by_segment)
        for segment in segments:
            number: int = segment["id"]
            row = rows[number - 1]
            segment["isthing"] = int(self._classes[row.class_id].is_thing)
            segment["score"] = row.score
        image = image_entry(result.frame, image_id=self._image_id(name))
        self._put(path, panoptic_png(segment_ids))
        self._file.add(image, [panoptic_annotation(image["id"], f"{name}.png", segments)])

    def _finish(self) -> None:
        """Put `panoptic.json` in its place."""
        category_ids = _category_ids(self._classes)
        categories = panoptic_categories(self._classes, category_ids=category_ids)
        self._file.close(categories=categories)

    def _image_id(self, name: str) -> str:
        """Return city, sequence and frame of a Cityscapes picture, or the name of the frame."""
        found = _OFFICIAL_NAME.fullmatch(name)
        if found is None:
            return name
        image_id, number = found["id"], 2
        while image_id in self._official_ids:  # the same picture lies in two folders
            image_id, number = f"{name}_{number}", number + 1
        self._official_ids.add(image_id)
        return image_id


def _category_ids(classes: ClassList) -> list[int]:
    """Return the official label id of each class where all have one, else numbers from 1."""
    labels = [BY_NAME.get(name) for name in classes.names]
    official = [label.label_id for label in labels if label is not None and label.label_id > 0]
    return official if len(official) == len(labels) else list(range(1, len(labels) + 1))
