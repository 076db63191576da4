"""`labelids/`: results as pictures of the Cityscapes ground truth.

Source: `json2labelImg.py` and `json2instanceImg.py` of cityscapesScripts for what the pixels say,
and `evalPixelLevelSemanticLabeling.py` for where results lie: it takes every PNG whose name
begins with city, sequence and frame, and wants one of each, so each kind has its own folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.errors import OutputError, ShapeError
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import instance_records, result_path
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.structures.label_maps import apply_lookup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.result import Result
    from urban_segmentor.structures.cityscapes_labels import CityscapesLabel
    from urban_segmentor.structures.classes import ClassList

_PER_CLASS = 1000
"""How many things of a class the official values can tell apart."""


class LabelIdsWriter(ResultWriter):
    """Writes three pictures for each frame, of what each pixel shows.

    `labelids/labelIds/{name}_labelIds.png` holds official label ids, 8 bits;
    `labelids/instanceIds/{name}_instanceIds.png` label ids of stuff, and of things
    `label id * 1000 + k`, k from 0, best first, 16 bits; `labelids/color/{name}_color.png` the
    official colors. All are 0 where nothing was found, or a class that Cityscapes lacks. Of
    instances that share pixels the first is on top.
    """

    output = WRITER_PATHS["labelids"]

    def _check_classes(self, classes: ClassList) -> None:
        """Check that one of the classes is Cityscapes'."""
        if not has_labels(classes.names):
            raise OutputError(
                f"none of the model's classes ({', '.join(classes.names)}) is a Cityscapes class, "
                "so `labelids` would be black",
                hint="choose another kind of results, such as panoptic",
            )

    def _write(self, result: Result) -> None:
        """Write the pictures of one frame."""
        frame, instances = result.frame, result.instances
        rows = instance_records(instances, self._classes)
        labels = [_label(row.class_name) for row in rows]
        numbers = instances.masks.to_index_map()
        label_ids = [0 if label is None else label.label_id for label in labels]
        colors = [(0, 0, 0) if label is None else label.color for label in labels]
        tables: dict[str, NDArray[Any]] = {
            "labelIds": np.array([0, *label_ids], dtype=np.uint8),
            "instanceIds": np.array([0, *_instance_ids(labels)], dtype=np.uint16),
            "color": np.array([(0, 0, 0), *colors], dtype=np.uint8),
        }
        for kind, table in tables.items():
            path = result_path(self._path / kind, frame.name, suffix=f"_{kind}.png")
            self._put(path, encode_image(apply_lookup(table, numbers), suffix=".png"))


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
