"""Which classes are converted, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from urban_segmentor.errors import SettingError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import (
    BY_NAME,
    CITYSCAPES,
    TRAIN_LABELS,
    CityscapesLabel,
)
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Stuff: TypeAlias = Literal["regions", "whole"]
"""How road, sky and the like are cut: each connected region alone, or all of a class as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetClasses:
    """The classes of a data set.

    Attributes:
        labels: Position is the class id.
    """

    labels: tuple[CityscapesLabel, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(label.name for label in self.labels)

    @property
    def class_list(self) -> ClassList:
        """The same for instances."""
        return ClassList.from_names(
            self.names,
            is_thing=[label.is_thing for label in self.labels],
            colors=[label.color for label in self.labels],
        )

    @property
    def is_official(self) -> bool:
        """Whether all 19 training classes of Cityscapes are there, as official figures need."""
        return set(TRAIN_LABELS) <= set(self.labels)

    @property
    def stuff(self) -> frozenset[str]:
        """Names of the classes of which single objects are not told apart, such as road."""
        return frozenset(label.name for label in self.labels if not label.is_thing)

    def ids(self) -> dict[str, int]:
        """Return the class id of each name."""
        return {label.name: i for i, label in enumerate(self.labels)}


ALL_CLASSES = DatasetClasses(labels=TRAIN_LABELS)
"""The 19 classes that are trained and scored."""


def cityscapes_classes(names: Sequence[str]) -> DatasetClasses | None:
    """Return classes of Cityscapes by their names; None where a name is of no such class."""
    if not all(name in BY_NAME for name in names):
        return None
    return DatasetClasses(labels=tuple(BY_NAME[name] for name in names))


def own_classes(names: Sequence[str], *, stuff: Collection[str] = ()) -> DatasetClasses:
    """Return classes by their names: those of Cityscapes where all 19 are there, else one's own.

    Own classes that are called as one of Cityscapes have its color, and count as things all the
    same: whoever labels traffic lights one by one wants them told apart.

    Args:
        names: Each once.
        stuff: Which of them are stuff.

    >>> own_classes(["dog", "traffic light"]).labels[1].is_thing
    True
    """
    official = cityscapes_classes(names)
    if official is not None and official.is_official:
        return official
    return DatasetClasses(
        labels=tuple(
            CityscapesLabel(name, number, None, name not in stuff, color)
            for number, (name, color) in enumerate(
                zip(names, [info.color for info in known_classes(names)], strict=True), start=1
            )
        )
    )


def parse_dataset_classes(
    text: str, *, known: Sequence[CityscapesLabel] | None = None
) -> DatasetClasses:
    """Return a set of classes.

    Args:
        text: `19` for all training classes, `8` for the things among them, or names with commas.
        known: The classes that there are; by default those of Cityscapes.

    Raises:
        SettingError: A name is no such class, or stands twice.

    >>> parse_dataset_classes("car, person").names
    ('car', 'person')
    """
    by_name = {label.name: label for label in known or CITYSCAPES if label.label_id > 0}
    if text.strip() == "19" and text.strip() not in by_name:
        return ALL_CLASSES
    if text.strip() == "8" and text.strip() not in by_name:
        return DatasetClasses(labels=tuple(label for label in TRAIN_LABELS if label.is_thing))
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in by_name]
    if unknown or not names:
        raise SettingError(
            f"`classes` is `{text}`, and `{unknown[0] if unknown else text}` is no class",
            hint=f"choose {'19, 8, or ' if known is None else ''}from {', '.join(by_name)}",
        )
    if len(set(names)) != len(names):
        raise SettingError(f"`classes` is `{text}`: a name stands twice", hint="name each once")
    return DatasetClasses(labels=tuple(by_name[name] for name in names))


def class_names(names: Sequence[object]) -> list[str] | str:
    """Return the names of classes; or why they are none.

    Args:
        names: What a file has.
    """
    if not names:
        return "lists no class names"
    found: list[str] = []
    for number, name in enumerate(names):
        text = str(name) if isinstance(name, (str, int)) else ""
        if not text.strip() or not text.isprintable() or len(text) > 200:
            return f"has a class {number} without a name that can be printed"
        if text in found:
            return f"names two classes `{text}`"
        found.append(text)
    return found
