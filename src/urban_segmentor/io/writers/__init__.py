"""Files of results; each module writes one format, `RESULT_SINKS` names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from urban_segmentor.io.writers.cityscapes import CityscapesSink
from urban_segmentor.io.writers.coco import CocoSink
from urban_segmentor.io.writers.csv_table import CsvSink
from urban_segmentor.io.writers.jsonl import JsonlSink
from urban_segmentor.io.writers.label_ids import LabelMapsSink
from urban_segmentor.io.writers.masks import MaskPngSink
from urban_segmentor.io.writers.panoptic import PanopticSink
from urban_segmentor.io.writers.yolo import YoloSink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from urban_segmentor.protocols import Sink


class ResultSink(Protocol):
    """How every sink of results is made."""

    def __call__(self, folder: Path, *, class_names: Sequence[str], overwrite: bool) -> Sink:
        """Return a sink that writes below a folder.

        Raises:
            OutputError: There are results already, or the folder cannot be written to.
        """
        ...


RESULT_SINKS: dict[str, ResultSink] = {
    "coco": CocoSink,
    "yolo": YoloSink,
    "jsonl": JsonlSink,
    "csv": CsvSink,
    "masks": MaskPngSink,
    "cityscapes": CityscapesSink,
    "panoptic": PanopticSink,
    "labelids": LabelMapsSink,
}
"""The formats by the names that users give them."""

PANOPTIC_KINDS = ("panoptic", "labelids")
"""Those in which a pixel has one segment, so that they want segments rather than instances."""

RESULT_FILES: dict[str, str] = {
    "coco": "coco.json",
    "yolo": "labels",
    "jsonl": "results.jsonl",
    "csv": "results.csv",
    "masks": "masks",
    "cityscapes": "cityscapes",
    "panoptic": "panoptic.json",
    "labelids": "labelids",
}
"""The file or folder of each format, below the folder of the results."""
