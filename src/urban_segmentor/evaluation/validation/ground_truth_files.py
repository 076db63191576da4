"""The ground truth of a frame: the official picture where it is there, else its polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import cv2
import numpy as np

from urban_segmentor.datasets.cityscapes.annotation import MAX_PIXELS, read_annotation
from urban_segmentor.datasets.cityscapes.rasterize import draw_objects
from urban_segmentor.datasets.images import path_bytes, png_size
from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.layout import CityscapesFrame

TruthKind: TypeAlias = Literal["instanceIds", "polygons"]
"""What ground truth was read from."""


def truth_kind(sample: CityscapesFrame) -> TruthKind:
    """Return what the ground truth of a frame is read from."""
    return "polygons" if sample.ground_truth("instanceIds") is None else "instanceIds"


def read_truth(sample: CityscapesFrame) -> NDArray[np.int32]:
    """Return the ground truth of a frame, int32 (H, W), official `instanceIds` values.

    Args:
        sample: A frame with labels.

    Raises:
        DatasetError: There are no labels, or they cannot be read.
    """
    image = sample.ground_truth("instanceIds")
    if image is not None:
        return _read_instance_ids(image)
    if sample.polygons is None:
        raise DatasetError(
            f"`{sample.split}/{sample.city}/{sample.stem}` has no polygons file",
            hint="unpack `gtFine_trainvaltest.zip` there",
        )
    annotation = read_annotation(sample.polygons)
    if annotation.problems:
        raise DatasetError(
            f"`{sample.polygons}`: {annotation.problems[0]}",
            hint="unpack the archive again; a figure over damaged labels would be wrong",
        )
    return draw_objects(annotation).instance_ids()


def _read_instance_ids(path: Path) -> NDArray[np.int32]:
    data = path_bytes(path)
    size = png_size(data)
    wrong = DatasetError(
        f"`{path}` is no 16-bit grey PNG of instance ids",
        hint="unpack the archive again, or make it anew from the polygons: "
        "urban-segmentor data prepare DIR OUT --ground-truth instanceIds",
    )
    if size is None or size[0] * size[1] > MAX_PIXELS:
        raise wrong
    ids = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if ids is None or ids.dtype != np.uint16 or len(ids.shape) != 2:
        raise wrong
    return np.asarray(ids, dtype=np.int32)
