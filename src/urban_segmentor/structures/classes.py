"""The classes of a model or a data set: names, which are things, and their colors."""

from __future__ import annotations

import colorsys
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias, overload

from urban_segmentor.errors import SettingError, ShapeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.structures.color import Rgb

ClassNames: TypeAlias = "ClassList | Sequence[str] | Mapping[int, str]"
"""A class list, names by class id, or a table from class id to name."""

_GOLDEN_TURN = 0.618033988749895
_SHOWN_NAMES = 30  # in messages


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassInfo:
    """One class.

    Attributes:
        name: As the model or the data set calls it; need not be unique.
        is_thing: True where single objects are told apart; False for stuff: sky, road and the like.
        color: Red, green, blue, 0..255.
    """

    name: str
    is_thing: bool = True
    color: Rgb = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class ClassList(Sequence[ClassInfo]):
    """The classes by class id; compares and hashes by its content.

    >>> classes = ClassList.from_names(["car", "sky"], is_thing=[True, False])
    >>> classes.names, classes.ids_of("sky"), classes[1].is_thing
    (('car', 'sky'), (1,), False)

    Attributes:
        infos: One entry a class, in the order of class ids.
    """

    infos: tuple[ClassInfo, ...] = ()

    @classmethod
    def from_names(
        cls,
        names: Sequence[str],
        *,
        is_thing: Sequence[bool] | None = None,
        colors: Sequence[Rgb] | None = None,
    ) -> Self:
        """Return a class list of names.

        Args:
            names: Names by class id.
            is_thing: Which are things; None for all.
            colors: Red, green, blue of each, 0..255; None for hues far from their neighbors'.
        """
        things = [True] * len(names) if is_thing is None else is_thing
        hues = [nth_hue(i) for i in range(len(names))] if colors is None else colors
        rows = zip(names, things, hues, strict=True)
        return cls(tuple(ClassInfo(name=n, is_thing=bool(t), color=c) for n, t, c in rows))

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.infos)

    def __iter__(self) -> Iterator[ClassInfo]:
        """Yield the classes in the order of their ids."""
        return iter(self.infos)

    @overload
    def __getitem__(self, index: int) -> ClassInfo: ...
    @overload
    def __getitem__(self, index: slice) -> ClassList: ...
    def __getitem__(self, index: int | slice) -> ClassInfo | ClassList:
        """Return a class, or a list of some."""
        return ClassList(self.infos[index]) if isinstance(index, slice) else self.infos[index]

    def __contains__(self, value: object) -> bool:
        """Tell whether a class, or one of this very name, is in the list."""
        return value in (self.names if isinstance(value, str) else self.infos)

    @property
    def names(self) -> tuple[str, ...]:
        """Names by class id."""
        return tuple(info.name for info in self.infos)

    @property
    def is_thing(self) -> NDArray[np.bool_]:
        """Which classes are things, bool (C,)."""
        import numpy as np  # noqa: PLC0415 - names alone need no NumPy

        return np.array([info.is_thing for info in self.infos], dtype=np.bool_)

    @property
    def colors(self) -> NDArray[np.uint8]:
        """Colors by class id, uint8 (C, 3), RGB."""
        import numpy as np  # noqa: PLC0415 - names alone need no NumPy

        return np.array([info.color for info in self.infos], dtype=np.uint8).reshape(-1, 3)

    def name_of(self, class_id: int) -> str:
        """Return the name of a class, or its id as text where the list does not reach so far.

        Args:
            class_id: Position in the list.
        """
        return self.infos[class_id].name if 0 <= class_id < len(self.infos) else str(class_id)

    def ids_of(self, name: str | int) -> tuple[int, ...]:
        """Return the ids of the classes of a name; several where names repeat.

        Args:
            name: A name, in any case; or a class id as a number or text, when no class has it as
                its name.

        Raises:
            SettingError: There is no such class.
        """
        text = str(name).strip()
        named = tuple(i for i, own in enumerate(self.names) if own == text)
        if not named:
            lower = text.casefold()
            named = tuple(i for i, own in enumerate(self.names) if own.casefold() == lower)
        is_number = isinstance(name, int) or re.fullmatch(r"-?[0-9]{1,9}", text)
        if named and not isinstance(name, int):
            return named
        if not is_number:
            raise SettingError(f"there is no class `{text}`", hint=self._suggestion(text))
        if not 0 <= int(text) < len(self.infos):
            raise SettingError(
                f"there is no class {text}; the model has 0 to {len(self.infos) - 1}",
                hint=self._known(),
            )
        return (int(text),)

    def check_ids(self, class_ids: NDArray[np.integer]) -> None:
        """Refuse class ids that are not in the list.

        Args:
            class_ids: Any integer dtype, (N,).

        Raises:
            ShapeError: A class id lies outside of the list.
        """
        count = len(self.infos)
        wrong = class_ids[(class_ids < 0) | (class_ids >= count)]
        if len(wrong):
            rule = f"lie in 0..{count - 1}" if count else "belong to a class"
            raise ShapeError(f"`class_ids` must {rule}, got {wrong[0]}", hint=self._known())

    def _suggestion(self, text: str) -> str:
        lowered = [name.casefold() for name in self.names]
        near = difflib.get_close_matches(text.casefold(), lowered, n=3, cutoff=0.5)
        if near:
            names = dict.fromkeys(self.names[lowered.index(one)] for one in near)
            return f"did you mean {' or '.join(f'`{name}`' for name in names)}?"
        return self._known()

    def _known(self) -> str:
        if not self.infos:
            return "these instances do not know their classes; make them with `classes=`"
        names = tuple(dict.fromkeys(self.names))
        rest = ", ..." if len(names) > _SHOWN_NAMES else ""
        return f"the model knows: {', '.join(names[:_SHOWN_NAMES])}{rest}"


def first_ids(names: Sequence[str]) -> list[int]:
    """Return for each class id the lowest one of the same name, to count names that repeat once.

    Args:
        names: Names by class id.

    >>> first_ids(["car", "sky", "car"])
    [0, 1, 0]
    """
    lowest: dict[str, int] = {}
    return [lowest.setdefault(name, class_id) for class_id, name in enumerate(names)]


def as_class_list(classes: ClassNames) -> ClassList:
    """Return a class list of what users have.

    Args:
        classes: A class list; names by class id; or a table from class id to name, ids from 0.

    Raises:
        SettingError: The ids of a table do not count from 0, or it is none of these.
    """
    if isinstance(classes, ClassList):
        return classes
    names: list[object] = []
    if isinstance(classes, Mapping):
        if sorted(classes) != list(range(len(classes))):
            raise SettingError(
                f"the class ids are {sorted(classes)[:9]}, expected 0 to {len(classes) - 1}",
                hint='{0: "car", 1: "person"}, or ["car", "person"]',
            )
        names = [classes[i] for i in range(len(classes))]
    elif not isinstance(classes, str):
        names = list(classes)
    if not all(isinstance(name, str) for name in names) or isinstance(classes, str):
        raise SettingError(f"`{classes!r}` are no class names", hint='["car", "person"]')
    return ClassList.from_names([str(name) for name in names])


def nth_hue(number: int) -> Rgb:
    """Return the nth of a row of hues that never come close to their neighbors'.

    Args:
        number: From 0.
    """
    channels = colorsys.hsv_to_rgb(number * _GOLDEN_TURN % 1, 0.75, 0.95)
    red, green, blue = (round(channel * 255) for channel in channels)
    return red, green, blue
