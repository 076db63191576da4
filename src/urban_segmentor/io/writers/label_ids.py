"""`labelids/`: results as pictures of the Cityscapes ground truth.

Source: `json2labelImg.py` and `json2instanceImg.py` of cityscapesScripts for what the pixels say,
and `evalPixelLevelSemanticLabeling.py` for where results lie: it takes every PNG whose name
begins with city, sequence and frame, and wants one of each, so each kind has its own folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.errors import OutputError, ShapeError
from urban_segmentor.io.atomic import check_free_folder, write_atomically
from urban_segmentor.io.writers.instance_records import instance_records, png_bytes, result_path
from urban_segmentor.io.writers.segment_map import apply_lookup, segment_numbers
from urban_segmentor.structures.cityscapes_labels import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.result import Result
    from urban_segmentor.structures.cityscapes_labels import CityscapesLabel
    from urban_segmentor.structures.classes import ClassList

_PER_CLASS = 1000
"""How many things of a class the official values can tell apart."""


class LabelIdsWriter:
    """Writes three pictures for each frame, of what each pixel shows.

    `labelids/labelIds/{name}_labelIds.png` holds official label ids, 8 bits;
    `labelids/instanceIds/{name}_instanceIds.png` label ids of stuff, and of things
    `label id * 1000 + k`, k from 0, best first, 16 bits; `labelids/color/{name}_color.png` the
    official colors. All are 0 where nothing was found, or a class that Cityscapes lacks. Of
    instances that share pixels the first is on top.

    Args:
        folder: Where to; made when missing.
        classes: The class list of the model; None for that of the first result.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: No class is one of Cityscapes', there are results already, or the folder
            cannot be written to.
    """

    def __init__(
        self, folder: str | Path, *, classes: ClassList | None = None, overwrite: bool = False
    ) -> None:
        folder = Path(folder).expanduser()
        if classes is not None and not has_labels(classes.names):
            raise OutputError(
                f"none of the model's classes ({', '.join(classes.names)}) is a Cityscapes class, "
                "so `labelids` would be black",
                hint="choose another kind of results, such as panoptic",
            )
        self._classes = classes
        self._folder = folder / "labelids"
        self._overwrite = overwrite
        check_free_folder(self._folder, overwrite=overwrite)

    def write(self, result: Result, /) -> None:
        """Write the pictures of one frame.

        Args:
            result: Its pixels are not looked at.

        Raises:
            OutputError: The disk is full or the like.
            ShapeError: There are more than 1000 things of a class.
        """
        frame, instances = result.frame, result.instances
        if self._classes is None:
            self._classes = result.classes
        rows = instance_records(instances, self._classes)
        labels = [_label(row.class_name) for row in rows]
        numbers = segment_numbers(instances)
        label_ids = [0 if label is None else label.label_id for label in labels]
        colors = [(0, 0, 0) if label is None else label.color[::-1] for label in labels]  # BGR
        tables: dict[str, NDArray[Any]] = {
            "labelIds": np.array([0, *label_ids], dtype=np.uint8),
            "instanceIds": np.array([0, *_instance_ids(labels)], dtype=np.uint16),
            "color": np.array([(0, 0, 0), *colors], dtype=np.uint8),
        }
        for kind, table in tables.items():
            path = result_path(self._folder / kind, frame.name, suffix=f"_{kind}.png")
            data = png_bytes(apply_lookup(table, numbers))
            write_atomically(path, data, overwrite=self._overwrite)

    def close(self) -> None:
        """Do nothing: every picture is in its place already."""


def has_labels(class_names: Sequence[str]) -> bool:
    """Return whether one of the classes is Cityscapes'.

    Args:
        class_names: The class list of a model.
    """
    return any(_label(name) is not None for name in class_names)


def _label(class_name: str) -> CityscapesLabel | None:
    """Return the label of a class; license plates and the unlabeled have none in pictures."""
    label = BY_NAME.get(class_name)
    return label if label is not None and label.label_id > 0 else None


def _instance_ids(labels: Sequence[CityscapesLabel | None]) -> list[int]:
    """Return the official value of each instance."""
    counts: dict[str, int] = {}
    values: list[int] = []
    for label in labels:
        if label is None or not label.is_thing:
            values.append(0 if label is None else label.label_id)
            continue
        count = counts.get(label.name, 0)
        if count == _PER_CLASS:
            raise ShapeError(f"`instanceIds` tell apart {_PER_CLASS} of `{label.name}`, got more")
        counts[label.name] = count + 1
        values.append(label.label_id * _PER_CLASS + count)
    return values
