"""`panoptic/` and `panoptic.json`: segments in the COCO panoptic format.

Source: the format of https://cocodataset.org/#format-results, as panopticapi and
`evalPanopticSemanticLabeling.py` of cityscapesScripts read it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.io.atomic import check_free_folder, write_atomically
from urban_segmentor.io.writers.coco_json import CocoJsonFile, image_entry
from urban_segmentor.io.writers.instance_records import instance_records, png_bytes, result_path
from urban_segmentor.io.writers.segment_map import apply_lookup, segment_numbers
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.label_regions import label_regions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.io.writers.instance_records import InstanceRecord
    from urban_segmentor.result import Result
    from urban_segmentor.structures.label_regions import LabelRegions

_OFFICIAL_NAME = re.compile(r"(?:.*/)?(?P<id>[^/]+_[0-9]{6}_[0-9]{6})(?:_leftImg8bit)?", re.DOTALL)


class PanopticWriter:
    """Writes `panoptic/{name}.png` for each frame, and `panoptic.json`, which grows on the disk.

    The id of a pixel's segment is R + 256 G + 65536 B, 0 where there is none. Ids count from 1
    in each frame, in the order of the other result files. Of instances that share pixels the
    first is on top, and those of which nothing is left are in neither file.

    Category ids are the official label ids (`car` is 26) when all classes of the model are
    Cityscapes', else class ids plus 1. The id of an image is the name of the frame; of an
    official picture it is city, sequence and frame, such as `frankfurt_000000_000294`.

    Args:
        folder: Where to; made when missing.
        classes: The class list of the model; None for that of the first result.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: There are results already, or the folder cannot be written to.
    """

    def __init__(
        self, folder: str | Path, *, classes: ClassList | None = None, overwrite: bool = False
    ) -> None:
        folder = Path(folder).expanduser()
        self._classes = classes
        self._folder = folder / "panoptic"
        self._overwrite = overwrite
        self._official_ids: set[str] = set()
        check_free_folder(self._folder, overwrite=overwrite)
        self._file = CocoJsonFile(
            folder / "panoptic.json",
            description="segments found by Urban Segmentor",
            overwrite=overwrite,
        )

    def write(self, result: Result, /) -> None:
        """Write the picture of one frame, then append its segments.

        Args:
            result: Its pixels are not looked at.

        Raises:
            OutputError: The disk is full or the like; the frames before are whole.
        """
        frame, instances = result.frame, result.instances
        if self._classes is None:
            self._classes = result.classes
        path = result_path(self._folder, frame.name, suffix=".png")
        rows = instance_records(instances, self._classes)
        numbers = segment_numbers(instances)
        ids = np.arange(len(rows) + 1, dtype=np.int32)
        colors = np.stack([ids >> 16, ids >> 8 & 255, ids & 255], axis=-1).astype(np.uint8)  # BGR
        image = apply_lookup(colors, numbers)
        image_id = self._image_id(frame.name)
        annotation = {
            "image_id": image_id,
            "file_name": f"{frame.name}.png",
            "segments_info": _segments_info(
                rows, label_regions(numbers.astype(np.int32)), _categories(self._classes)
            ),
        }
        write_atomically(path, png_bytes(image), overwrite=self._overwrite)
        self._file.add(image_entry(frame, image_id=image_id), [annotation])

    def close(self) -> None:
        """Put `panoptic.json` in its place; safe to call twice.

        Raises:
            OutputError: The disk is full or the like; then there is no file.
        """
        self._file.close(categories=_categories(self._classes or ClassList()))

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


def _segments_info(
    rows: Sequence[InstanceRecord], regions: LabelRegions, categories: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the entries of `segments_info`, of what is to be seen in the picture."""
    values: list[int] = regions.values.tolist()
    areas: list[int] = regions.pixels.tolist()
    boxes: list[list[int]] = regions.boxes.tolist()
    segments: list[dict[str, Any]] = []
    for number, area, (x1, y1, x2, y2) in zip(values, areas, boxes, strict=True):
        if not number:
            continue
        row = rows[number - 1]
        category = categories[row.class_id]
        segment = {
            "id": number,
            "category_id": category["id"],
            "area": area,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "iscrowd": 0,
            "isthing": category["isthing"],
            "score": row.score,
        }
        segments.append(segment)
    return segments


def _categories(classes: ClassList) -> list[dict[str, Any]]:
    """Return the entry of each class, in the order of the class list."""
    labels = [BY_NAME.get(name) for name in classes.names]
    official = all(label is not None and label.label_id > 0 for label in labels)
    return [
        {
            "id": label.label_id if label is not None and official else class_id,
            "name": info.name,
            "supercategory": "thing" if info.is_thing else "stuff",
            "isthing": int(info.is_thing),
        }
        for class_id, (info, label) in enumerate(zip(classes, labels, strict=True), start=1)
    ]
