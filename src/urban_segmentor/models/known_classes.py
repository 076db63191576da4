"""Kinds and colors of class names that are well known, for models that do not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.structures.classes import ClassList, nth_hue

if TYPE_CHECKING:
    from collections.abc import Sequence


def known_classes(names: Sequence[str]) -> ClassList:
    """Return the classes of a model whose metadata holds names alone.

    Names of Cityscapes keep the color that they have there, and where half of the names or more
    are Cityscapes', their kind as well. All others are things, as the 80 classes of COCO are, with
    hues of their own.

    Args:
        names: Names by class id.
    """
    labels = [BY_NAME.get(name) for name in names]
    is_street = 2 * sum(label is not None for label in labels) >= len(labels)
    return ClassList.from_names(
        names,
        is_thing=[label is None or label.is_thing or not is_street for label in labels],
        colors=[nth_hue(i) if label is None else label.color for i, label in enumerate(labels)],
    )


def are_cityscapes(names: Sequence[str]) -> bool:
    """Return whether all names are classes of Cityscapes.

    Args:
        names: Names by class id.
    """
    return all(name in BY_NAME for name in names)
