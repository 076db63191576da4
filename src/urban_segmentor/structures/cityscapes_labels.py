"""The Cityscapes labels: ids, train ids, which are things, and their colors.

Source: the label table of cityscapesScripts (`helpers/labels.py`), the data set's definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urban_segmentor.structures.color import Rgb


@dataclass(frozen=True, slots=True)
class CityscapesLabel:
    """One row of the Cityscapes label table.

    Attributes:
        name: As written in the polygon files.
        label_id: Value in `labelIds` pictures; -1 for license plates.
        train_id: Position among the 19 training classes, or None when ignored.
        is_thing: True where single objects are told apart.
        color: Red, green, blue, 0..255.
    """

    name: str
    label_id: int
    train_id: int | None
    is_thing: bool
    color: Rgb


CITYSCAPES: tuple[CityscapesLabel, ...] = (
    CityscapesLabel("unlabeled", 0, None, False, (0, 0, 0)),
    CityscapesLabel("ego vehicle", 1, None, False, (0, 0, 0)),
    CityscapesLabel("rectification border", 2, None, False, (0, 0, 0)),
    CityscapesLabel("out of roi", 3, None, False, (0, 0, 0)),
    CityscapesLabel("static", 4, None, False, (0, 0, 0)),
    CityscapesLabel("dynamic", 5, None, False, (111, 74, 0)),
    CityscapesLabel("ground", 6, None, False, (81, 0, 81)),
    CityscapesLabel("road", 7, 0, False, (128, 64, 128)),
    CityscapesLabel("sidewalk", 8, 1, False, (244, 35, 232)),
    CityscapesLabel("parking", 9, None, False, (250, 170, 160)),
    CityscapesLabel("rail track", 10, None, False, (230, 150, 140)),
    CityscapesLabel("building", 11, 2, False, (70, 70, 70)),
    CityscapesLabel("wall", 12, 3, False, (102, 102, 156)),
    CityscapesLabel("fence", 13, 4, False, (190, 153, 153)),
    CityscapesLabel("guard rail", 14, None, False, (180, 165, 180)),
    CityscapesLabel("bridge", 15, None, False, (150, 100, 100)),
    CityscapesLabel("tunnel", 16, None, False, (150, 120, 90)),
    CityscapesLabel("pole", 17, 5, False, (153, 153, 153)),
    CityscapesLabel("polegroup", 18, None, False, (153, 153, 153)),
    CityscapesLabel("traffic light", 19, 6, False, (250, 170, 30)),
    CityscapesLabel("traffic sign", 20, 7, False, (220, 220, 0)),
    CityscapesLabel("vegetation", 21, 8, False, (107, 142, 35)),
    CityscapesLabel("terrain", 22, 9, False, (152, 251, 152)),
    CityscapesLabel("sky", 23, 10, False, (70, 130, 180)),
    CityscapesLabel("person", 24, 11, True, (220, 20, 60)),
    CityscapesLabel("rider", 25, 12, True, (255, 0, 0)),
    CityscapesLabel("car", 26, 13, True, (0, 0, 142)),
    CityscapesLabel("truck", 27, 14, True, (0, 0, 70)),
    CityscapesLabel("bus", 28, 15, True, (0, 60, 100)),
    CityscapesLabel("caravan", 29, None, True, (0, 0, 90)),
    CityscapesLabel("trailer", 30, None, True, (0, 0, 110)),
    CityscapesLabel("train", 31, 16, True, (0, 80, 100)),
    CityscapesLabel("motorcycle", 32, 17, True, (0, 0, 230)),
    CityscapesLabel("bicycle", 33, 18, True, (119, 11, 32)),
    CityscapesLabel("license plate", -1, None, False, (0, 0, 142)),
)

BY_NAME: dict[str, CityscapesLabel] = {label.name: label for label in CITYSCAPES}

TRAIN_LABELS: tuple[CityscapesLabel, ...] = tuple(
    sorted((row for row in CITYSCAPES if row.train_id is not None), key=lambda r: r.train_id or 0)
)
"""The 19 classes in the order of their train ids."""

TRAIN_NAMES: tuple[str, ...] = tuple(label.name for label in TRAIN_LABELS)
