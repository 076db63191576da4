"""Which classes are converted, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from urban_segmentor.errors import SettingError
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CITYSCAPES, TRAIN_LABELS, Label

Stuff: TypeAlias = Literal["regions", "whole"]
"""How road, sky and the like are cut: each connected region alone, or all of a class as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSet:
    """The classes of a converted data set.

    Attributes:
        labels: Position is the class id.
    """

    labels: tuple[Label, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(label.name for label in self.labels)

    def ids(self) -> dict[str, int]:
        """Return the class id of each name."""
        return {label.name: i for i, label in enumerate(self.labels)}


ALL_CLASSES = ClassSet(labels=TRAIN_LABELS)
"""The 19 classes that are trained and scored."""


def parse_class_set(text: str) -> ClassSet:
    """Return a set of classes.

    Args:
        text: `19` for all training classes, `8` for the things among them, or names with commas.

    Raises:
        SettingError: A name is no Cityscapes class, or stands twice.

    >>> parse_class_set("car, person").names
    ('car', 'person')
    """
    if text.strip() == "19":
        return ALL_CLASSES
    if text.strip() == "8":
        return ClassSet(labels=tuple(label for label in TRAIN_LABELS if label.is_thing))
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = [label.name for label in CITYSCAPES if label.label_id > 0]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise SettingError(
            f"`classes` is `{text}`, and `{unknown[0] if unknown else text}` is no class",
            hint=f"choose 19, 8, or from {', '.join(known)}",
        )
    if len(set(names)) != len(names):
        raise SettingError(f"`classes` is `{text}`: a name stands twice", hint="name each once")
    return ClassSet(labels=tuple(BY_NAME[name] for name in names))
