"""What all result files say of a frame, in the words that they share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from urban_segmentor.errors import OutputError
from urban_segmentor.io.output_options import FRAMES

if TYPE_CHECKING:
    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.structures.instances import Instances


class InstanceRecord(NamedTuple):
    """One instance of a frame.

    Attributes:
        class_name: As the model calls it.
        class_id: Position in the class list of the model.
        score: In [0, 1], five decimals.
        box: `x1, y1, x2, y2`, pixels, half-open, two decimals.
        area_px: Pixels of the mask.
    """

    class_name: str
    class_id: int
    score: float
    box: list[float]
    area_px: int


def instance_records(
    instances: Instances, classes: ClassList | None = None
) -> list[InstanceRecord]:
    """Return one row for each instance, in order.

    Args:
        instances: N instances, boxes float32 (N, 4), scores float32 (N,), class_ids int32 (N,).
        classes: The class list that every class id must be in; None for that of the instances,
            which need not have one: classes beyond it are called by their ids.

    Raises:
        ShapeError: A class id lies outside of `classes`.
    """
    if classes is None:
        classes = instances.classes
    else:
        classes.check_ids(instances.class_ids)
    ids: list[int] = instances.class_ids.tolist()
    scores: list[float] = instances.scores.astype(np.float64).round(5).tolist()
    boxes: list[list[float]] = instances.boxes.astype(np.float64).round(2).tolist()
    areas: list[int] = instances.masks.areas().tolist()
    return [
        InstanceRecord(classes.name_of(class_id), class_id, score, box, area)
        for class_id, score, box, area in zip(ids, scores, boxes, areas, strict=True)
    ]


def image_file_name(frame: Frame) -> str:
    """Return the file that holds the image of a frame, with its suffix.

    An image is its own file. A frame of a video is what the results `frames` make of it, below
    the folder of the results: `frames/street/street_000012.jpg`.

    Args:
        frame: Its pixels are not looked at.
    """
    if frame.file_name:
        return frame.file_name
    folder = frame.name.removesuffix(f"_{frame.index:06d}")
    if folder in {"", frame.name}:
        return f"{FRAMES}/{frame.name}.jpg"
    return f"{FRAMES}/{folder}/{frame.name.rpartition('/')[2]}.jpg"


def result_path(folder: Path, name: str, *, suffix: str) -> Path:
    """Return the file in a folder that belongs to a frame.

    Args:
        folder: The folder of one kind of results.
        name: The frame's name; slashes make sub-folders.
        suffix: Such as `.txt`.

    Raises:
        OutputError: The name leads out of the folder, or is no name.
    """
    parts = name.replace(os.altsep or "/", "/").replace(os.sep, "/").split("/")
    if "\0" in name or Path(name).drive or not {"", ".", ".."}.isdisjoint(parts):
        raise OutputError(
            f"the frame name {name!r} does not name a file in `{folder}`",
            hint="rename the source",
        )
    return folder.joinpath(*parts[:-1], parts[-1] + suffix)
