"""What a viewer may change while the picture runs, whichever display they do it in."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.options import like, option, range_of
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.structures.classes import ClassList

_PEOPLE = ("person", "rider")
_TRAFFIC = ("car", "truck", "bus", "train", "motorcycle", "bicycle")
CONF_STEP = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewState:
    """What is shown, at one moment.

    Attributes:
        conf: Only scores above it count, in [0, 1].
        classes: Names of the classes that count; None for all, empty for none.
        masks_only: Draw masks alone.
        figures: Draw the frame rate and the like into the corner.
        paused: The picture stands still.
    """

    conf: float = like(SegmenterConfig, "conf")
    classes: tuple[str, ...] | None = like(SegmenterConfig, "classes")
    masks_only: bool = like(OverlayStyle, "masks_only")
    figures: bool = option(default=True, help="Write frame rate and delays.", panel="Drawing")
    paused: bool = False


class ViewControls:
    """The view, changed from any thread; the stages read it for every frame.

    Args:
        classes: The class list of the model.
        view: How it begins.

    Attributes:
        classes: The class list of the model.
        class_names: What viewers choose from: each name once, in the order of class ids.
    """

    def __init__(self, classes: ClassList, *, view: ViewState | None = None) -> None:
        self.classes = classes
        self.class_names = tuple(dict.fromkeys(classes.names))
        self._lock = threading.Lock()
        self._view = view or ViewState()
        self._quits = False
        self._filters = self._all_filters()

    @property
    def view(self) -> ViewState:
        """The view as it is now."""
        return self._view

    @property
    def wants_quit(self) -> bool:
        """True after somebody asked for the end."""
        return self._quits

    @property
    def presets(self) -> dict[str, tuple[str, ...] | None]:
        """Groups of classes by name, as far as the model knows them; None for all.

        Traffic and people are known by their names. Things and stuff are told apart by the class
        list, where it has both.
        """
        found: dict[str, tuple[str, ...] | None] = {"all": None}
        for name, group in (("traffic", _TRAFFIC), ("people", _PEOPLE)):
            if known := tuple(member for member in group if member in self.class_names):
                found[name] = known
        things = tuple(dict.fromkeys(info.name for info in self.classes if info.is_thing))
        stuff = tuple(dict.fromkeys(info.name for info in self.classes if not info.is_thing))
        if things and stuff:
            found |= {"things": things, "stuff": stuff}
        return found

    def quit(self) -> None:
        """Ask for the end."""
        self._quits = True

    def set_conf(self, conf: float) -> None:
        """Set the lowest score, clipped to [0, 1] and rounded to hundredths."""
        low, high = range_of(SegmenterConfig, "conf")
        self._change(conf=round(min(max(conf, low), high), 2))

    def step_conf(self, steps: int) -> None:
        """Raise or lower the lowest score by steps of `CONF_STEP`; it stays within [0.05, 0.95]."""
        with self._lock:
            conf = self._view.conf + steps * CONF_STEP
            self._view = replace(self._view, conf=round(min(max(conf, 0.05), 0.95), 2))

    def set_classes(self, classes: Sequence[str] | None) -> None:
        """Set the classes that count; None for all, empty for none.

        Raises:
            SettingError: The model has no such class.
        """
        unknown = [name for name in classes or () if name not in self.class_names]
        if unknown:
            raise SettingError(
                f"there is no class `{unknown[0]}`",
                hint=f"the model knows: {', '.join(self.class_names)}",
            )
        self._change(classes=None if classes is None else tuple(dict.fromkeys(classes)))

    def next_filter(self, steps: int = 1) -> None:
        """Go to the next choice of classes: those of `presets`, then each class alone."""
        with self._lock:
            filters, now = self._filters, self._view.classes
            position = filters.index(now) if now in filters else 0
            following = filters[(position + steps) % len(filters)]
            self._view = replace(self._view, classes=following)

    def set_masks_only(self, wanted: bool) -> None:  # noqa: FBT001 - a switch
        """Draw masks alone, or all."""
        self._change(masks_only=wanted)

    def set_figures(self, wanted: bool) -> None:  # noqa: FBT001 - a switch
        """Draw figures into the corner, or not."""
        self._change(figures=wanted)

    def set_paused(self, wanted: bool) -> None:  # noqa: FBT001 - a switch
        """Let the picture stand still, or go on."""
        self._change(paused=wanted)

    def _change(self, **changes: object) -> None:
        with self._lock:
            self._view = replace(self._view, **changes)  # type: ignore[arg-type]

    def _all_filters(self) -> list[tuple[str, ...] | None]:
        alone = [(name,) for name in self.class_names]
        return [*dict.fromkeys([*self.presets.values(), *alone])]
