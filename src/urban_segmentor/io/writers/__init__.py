"""Files of results; each module writes one format, `WRITERS` names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError
from urban_segmentor.io.writers.cityscapes import CityscapesWriter
from urban_segmentor.io.writers.coco import CocoWriter
from urban_segmentor.io.writers.color import ColorWriter
from urban_segmentor.io.writers.csv_table import CsvWriter
from urban_segmentor.io.writers.cutouts import CutoutsWriter
from urban_segmentor.io.writers.frames import FramesWriter
from urban_segmentor.io.writers.jsonl import JsonlWriter
from urban_segmentor.io.writers.label_ids import LabelIdsWriter
from urban_segmentor.io.writers.masks import MasksWriter
from urban_segmentor.io.writers.panoptic import PanopticWriter
from urban_segmentor.io.writers.yolo import YoloWriter

if TYPE_CHECKING:
    from urban_segmentor.io.writers.base import ResultWriter


class _Writers(dict[str, "type[ResultWriter]"]):
    """The formats by name; one that is not there is told with those that are."""

    def __missing__(self, name: str) -> type[ResultWriter]:
        raise SettingError(f"there is no writer `{name}`", hint=f"choose from {', '.join(self)}")


WRITERS: dict[str, type[ResultWriter]] = _Writers(
    {
        "coco": CocoWriter,
        "yolo": YoloWriter,
        "jsonl": JsonlWriter,
        "csv": CsvWriter,
        "masks": MasksWriter,
        "color": ColorWriter,
        "cutouts": CutoutsWriter,
        "frames": FramesWriter,
        "cityscapes": CityscapesWriter,
        "panoptic": PanopticWriter,
        "labelids": LabelIdsWriter,
    }
)
"""The formats by the names that users give them."""
